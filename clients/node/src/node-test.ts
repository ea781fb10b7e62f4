/** A Whippy Ware for every test of a file, under `node:test`. */

import { basename } from "node:path";
import type { TestContext } from "node:test";
import { after, before, beforeEach } from "node:test";
import { WhippyError } from "./errors.cjs";
import { Steps } from "./hooks.js";
import type { Options } from "./trial.js";
import type { Whippy } from "./whippy.js";

/**
 * Gives each test of this file, or of this `describe`, a world of its own. Findings of its
 * client fail the test. A subtest shares the world of its test.
 *
 * @returns the world of the test that runs.
 */
export function useWhippy(options: Options = {}): Whippy {
  const steps = new Steps(options);
  // Each file is a process of its own, and the file its program.
  const file = basename(process.argv[1] ?? "");
  let running: string | undefined;
  before(() => steps.start());
  beforeEach(async (context) => {
    const test = context as TestContext;
    if (running !== undefined) {
      shareWith(running, test);
      return;
    }
    running = test.fullName;
    // Not `afterEach`, which does not run for a test that skips itself.
    test.after(async () => {
      running = undefined;
      const { passed } = test as TestContext & { passed: boolean };
      const story = await steps.end(passed ? "passed" : "failed");
      for (const line of story?.split("\n") ?? []) {
        test.diagnostic(line);
      }
    });
    await steps.begin(`${file}.${test.fullName}`);
  });
  after(() => steps.stop());
  return steps.whippy;
}

function shareWith(running: string, test: TestContext): void {
  if (!test.fullName.startsWith(`${running} > `)) {
    throw new WhippyError(
      `whippy: \`${test.fullName}\` began before \`${running}\` ended; useWhippy() is for ` +
        "tests that run one after another, so leave out `concurrency`",
    );
  }
}
