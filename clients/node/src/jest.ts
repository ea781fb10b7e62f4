/** A Whippy Ware for every test of a file, under Jest. */

import { basename } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "@jest/globals";
import { Steps } from "./hooks.js";
import type { Options } from "./trial.js";
import type { Whippy } from "./whippy.js";

/**
 * Gives each test of this file, or of this `describe`, a world of its own. Findings of its
 * client fail the test.
 *
 * @returns the world of the test that runs.
 */
export function useWhippy(options: Options = {}): Whippy {
  const steps = new Steps(options);
  beforeAll(() => steps.start());
  beforeEach(() => {
    const { testPath, currentTestName } = expect.getState();
    return steps.begin(`${basename(testPath ?? "")}.${currentTestName ?? ""}`);
  });
  afterEach(async () => {
    // Jest does not tell a hook if its test failed.
    await steps.end("unknown");
  });
  afterAll(() => steps.stop());
  return steps.whippy;
}
