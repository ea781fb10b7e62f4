/** A world a test by the hooks that Jest and `node:test` have in common. */

import { WhippyError } from "./errors.cjs";
import { Server } from "./server.js";
import type { Options, Outcome } from "./trial.js";
import { checkOptions, Trial } from "./trial.js";
import type { Whippy } from "./whippy.js";

/** Steps of a file of tests, each for a hook of the runner. */
export class Steps {
  /** The world of the test that runs. */
  readonly whippy = current(() => this.trial?.whippy);
  private server: Server | undefined;
  private trial: Trial | undefined;

  constructor(private readonly options: Options) {
    checkOptions(options);
  }

  /** Before all tests. */
  async start(): Promise<void> {
    this.server = await Server.ofRun();
  }

  /** Before a test. */
  async begin(test: string): Promise<void> {
    if (this.server !== undefined) {
      this.trial = await Trial.begin(this.server, test, this.options);
    }
  }

  /** After a test: as `Trial.end`. */
  async end(outcome: Outcome): Promise<string | undefined> {
    const ended = this.trial;
    this.trial = undefined;
    return ended?.end(outcome);
  }

  /** After all tests. */
  async stop(): Promise<void> {
    await this.server?.stop();
  }
}

/** Stands for the world of the test that runs: there is none when the file is loaded. */
function current(find: () => Whippy | undefined): Whippy {
  return new Proxy({} as Whippy, {
    get(_, name) {
      const whippy = find();
      if (whippy === undefined) {
        throw new WhippyError(
          `whippy.${String(name)}: outside of a test there is no world; use it in a test, ` +
            "or in a beforeEach that comes after useWhippy()",
        );
      }
      const member: unknown = Reflect.get(whippy, name, whippy);
      return typeof member === "function" ? member.bind(whippy) : member;
    },
  });
}
