/** A Whippy Ware for every test, as a fixture of Vitest. */

import { basename } from "node:path";
import type { TestAPI } from "vitest";
import { test as base } from "vitest";
import { Server } from "./server.js";
import type { Options, Outcome } from "./trial.js";
import { checkOptions, Trial } from "./trial.js";
import type { Whippy } from "./whippy.js";

export { expect } from "vitest";

/** Fixtures of a test. */
export interface Fixtures {
  /** A world of the test's own. Findings of its client fail the test. */
  whippy: Whippy;
}

/** A `test` whose worlds are as the options say. */
export function whippyTest(options: Options = {}): TestAPI<Fixtures> {
  checkOptions(options);
  return base.extend<Fixtures & { whippyServer: Server }>({
    whippyServer: [
      // biome-ignore lint/correctness/noEmptyPattern: Vitest reads which fixtures are needed.
      async ({}, use) => {
        const server = await Server.ofRun();
        await use(server);
        await server.stop();
      },
      { scope: "file" },
    ],
    whippy: async ({ task, whippyServer, onTestFinished }, use) => {
      const name = `${basename(task.file.name)}.${task.name}`;
      const trial = await Trial.begin(whippyServer, name, options);
      // Not after `use`: Vitest reports an error of a fixture's end twice.
      onTestFinished(async () => {
        const story = await trial.end(outcome(task.result?.state));
        if (story !== undefined) {
          console.error(story);
        }
      });
      await use(trial.whippy);
    },
  });
}

/** A `test` whose worlds are as the server has them. */
export const test = whippyTest();

function outcome(state: string | undefined): Outcome {
  switch (state) {
    case "pass":
      return "passed";
    case "fail":
      return "failed";
    case "skip":
      return "skipped";
    default:
      return "unknown";
  }
}
