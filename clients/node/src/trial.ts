/**
 * A test, its world, and the judgement of its client.
 *
 * A world is judged when its test has passed. One whose test failed is kept, and the report
 * of the test shows what the client asked.
 */

import { randomBytes } from "node:crypto";
import { WhippyError } from "./errors.cjs";
import type { FailOn } from "./findings.js";
import { readFailOn, verdict } from "./findings.js";
import type { Server } from "./server.js";
import type { Start } from "./whippy.js";
import { Whippy } from "./whippy.js";

/** Choices for the worlds of some tests. */
export interface Options extends Start {
  /** Findings of this level or higher fail a test: `warning` by default. */
  failOn?: FailOn | undefined;
  /** Ids of known findings, which do not fail a test. */
  ignore?: readonly string[] | undefined;
}

/** Result of a test, as far as its runner tells it. */
export type Outcome = "passed" | "failed" | "skipped" | "unknown";

const OPTIONS = ["world", "reading", "faults", "failOn", "ignore"];

/** Longest name that the mock takes for a world. */
const LONGEST_NAME = 64;

/** Refuses options that cannot be meant, before any test runs. */
export function checkOptions(options: Options): void {
  const unknown = Object.keys(options).filter((name) => !OPTIONS.includes(name));
  if (unknown.length > 0) {
    throw new WhippyError(
      `there is no option ${unknown.join(", ")}; the options are ${OPTIONS.join(", ")}`,
    );
  }
  readFailOn(options.failOn ?? "warning");
}

/** A name for a world: the readable end of a test's name, and a part that no other has. */
export function worldName(test: string): string {
  const unique = randomBytes(4).toString("hex");
  const readable = test
    .replaceAll(/[^A-Za-z0-9._~-]+/g, "-")
    .slice(-(LONGEST_NAME - unique.length - 1))
    .replaceAll(/^[-.]+|[-.]+$/g, "");
  return readable === "" ? unique : `${readable}-${unique}`;
}

/** A test that runs, and its world. */
export class Trial {
  private constructor(
    readonly whippy: Whippy,
    private readonly server: Server,
    private readonly failOn: FailOn,
    private readonly ignore: readonly string[],
  ) {}

  /** Makes the world of a test. */
  static async begin(server: Server, test: string, options: Options): Promise<Trial> {
    const ignore = options.ignore ?? [];
    const whippy = await Whippy.open(server, worldName(test), options);
    await whippy.checkIgnored(ignore);
    const failOn = readFailOn(options.failOn ?? "warning");
    const trial = new Trial(whippy, server, failOn, ignore);
    enter(whippy);
    return trial;
  }

  /**
   * Ends the test.
   *
   * @returns for a test that failed, its story and the findings beside it.
   * @throws an error with the findings that fail a test that passed.
   */
  async end(outcome: Outcome): Promise<string | undefined> {
    leave(this.whippy);
    if (!this.server.isOwn) {
      await this.forgive();
    }
    if (outcome === "failed") {
      return this.story();
    }
    if (outcome !== "skipped") {
      await this.judge();
    }
    // Others that started the server report on all worlds when the run ends.
    if (this.server.isOwn) {
      await this.whippy.drop();
    }
    return undefined;
  }

  /** Tells a server that judges as well, such as that of `exec`, which findings are known. */
  private async forgive(): Promise<void> {
    try {
      await this.whippy.forgive(this.ignore);
    } catch (error) {
      // A test may have given its world up, and a mock that is gone has nothing to report.
      const status = error instanceof WhippyError ? (error.status ?? 404) : undefined;
      if (status !== 404) {
        throw error;
      }
    }
  }

  private async judge(): Promise<void> {
    if (this.failOn === "never") {
      return;
    }
    const why = await this.verdict();
    if (why !== undefined) {
      throw untraced(`${why}\n\n${await this.whippy.story()}`);
    }
  }

  private async story(): Promise<string> {
    try {
      return [await this.whippy.story(), await this.verdict()].filter(Boolean).join("\n\n");
    } catch (error) {
      // The test has failed; a mock that is gone must not hide why.
      return `the journal of this test cannot be read: ${error}`;
    }
  }

  private async verdict(): Promise<string | undefined> {
    const findings = await this.whippy.findings();
    const unknown = findings.filter((finding) => !this.ignore.includes(finding.id));
    return verdict(unknown, this.failOn);
  }
}

/** An error without a trace: the mistake is the client's, and no line here shows it. */
function untraced(sentence: string): Error {
  const error = new Error(sentence);
  error.stack = sentence;
  return error;
}

const VARIABLES = {
  WHIPPY_URL: process.env["WHIPPY_URL"],
  WHIPPY_TOKEN: process.env["WHIPPY_TOKEN"],
};

const open = new Set<Whippy>();

function enter(whippy: Whippy): void {
  open.add(whippy);
  setVariables();
}

function leave(whippy: Whippy): void {
  open.delete(whippy);
  setVariables();
}

/**
 * Sets the variables by which a client finds the service to the one world that is open.
 * Tests that run at once cannot share them, and a client must not meet another test's world.
 */
function setVariables(): void {
  const [only] = open;
  if (open.size === 0) {
    setVariable("WHIPPY_URL", VARIABLES.WHIPPY_URL);
    setVariable("WHIPPY_TOKEN", VARIABLES.WHIPPY_TOKEN);
  } else {
    setVariable("WHIPPY_URL", open.size === 1 ? only?.url : undefined);
    setVariable("WHIPPY_TOKEN", only?.token);
  }
}

function setVariable(name: string, value: string | undefined): void {
  if (value === undefined) {
    delete process.env[name];
  } else {
    process.env[name] = value;
  }
}
