/**
 * A server of worlds: one that this process starts and stops, or one that runs already.
 *
 * Nothing here knows a test runner.
 */

import type { ChildProcessByStdio } from "node:child_process";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import type { Access } from "./admin.js";
import { Admin } from "./admin.js";
import { findBinary } from "./binary.cjs";
import { WhippyError } from "./errors.cjs";

/** Limits for a server to say where it listens, and to end when it is told to. */
const START_MILLISECONDS = 20_000;
const STOP_MILLISECONDS = 10_000;

/** Limit for a running server to answer. Jest gives a hook five seconds. */
const ANSWER_MILLISECONDS = 4_000;

const ANNOUNCEMENT = "Listening on ";

/** Length of the end of standard error that is kept for a message. */
const KEPT_STDERR = 10_000;

/** The tests set their own, or those of one machine would fail on another. */
const NOT_INHERITED = ["WHIPPY_MOCK_TOKEN", "WHIPPY_MOCK_ADMIN_TOKEN"];

/**
 * The environment's server, before any test sets the variables to its own world.
 */
const GIVEN = {
  url: process.env["WHIPPY_URL"] || undefined,
  token: process.env["WHIPPY_TOKEN"] || undefined,
  caFile: process.env["WHIPPY_CA_FILE"] || undefined,
  adminToken: process.env["WHIPPY_MOCK_ADMIN_TOKEN"] || undefined,
};

/** A server, of which each test has a world. */
export class Server {
  readonly admin: Admin;

  private constructor(
    readonly url: string,
    /** A token that the API lets in. */
    readonly token: string,
    access: Access,
    /** The process; undefined where others started it. */
    private readonly child?: Child,
  ) {
    this.admin = new Admin(url, access);
  }

  /** The mock that `WHIPPY_URL` names, as under `whippy-mock exec`; else a new one. */
  static async ofRun(): Promise<Server> {
    return (await Server.given()) ?? Server.start();
  }

  /**
   * The mock that `WHIPPY_URL` names; undefined where the variable names no mock.
   *
   * A client may be configured by the same variable, which then names a live service. So
   * the address is asked once, without a token, for the health of a mock, and anything else
   * that answers is left alone.
   *
   * @throws WhippyError where nothing answers.
   */
  static async given(): Promise<Server | undefined> {
    if (GIVEN.url === undefined) {
      return undefined;
    }
    const url = GIVEN.url.replace(/\/+$/, "");
    const ca = GIVEN.caFile === undefined ? undefined : readFileSync(GIVEN.caFile, "utf8");
    if (await isMock(new Admin(url, { ca }))) {
      // A mock without a token of its own takes any.
      return Server.at(url, GIVEN.token ?? newToken(), {
        adminToken: GIVEN.adminToken,
        ca,
      });
    }
    console.warn(
      `whippy: WHIPPY_URL is \`${url}\`, which is not a whippy-mock; these tests start one`,
    );
    return undefined;
  }

  /** A server that runs already. */
  static at(url: string, token: string, access: Access = {}): Server {
    return new Server(url, token, access);
  }

  /** Starts a server on a free port. Resolves when it listens. */
  static async start(
    binary: string = findBinary(),
    args: readonly string[] = [],
  ): Promise<Server> {
    const token = newToken();
    const child = new Child(binary, [
      ...["--listen", "127.0.0.1:0", "--token", token],
      ...args,
    ]);
    try {
      return new Server(await child.announced(), token, {}, child);
    } catch (error) {
      await child.stop();
      throw error;
    }
  }

  /** Started here, and so stopped here. */
  get isOwn(): boolean {
    return this.child !== undefined;
  }

  /** Id of the process; undefined where others started it. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Ends the process, if it was started here. */
  async stop(): Promise<void> {
    await this.child?.stop();
  }
}

/** The process of a server. It does not keep this one alive, and does not outlive it. */
class Child {
  private readonly running: ChildProcessByStdio<null, Readable, Readable>;
  private readonly ended: Promise<string>;
  private stderr = "";
  private readonly kill = (): void => {
    this.running.kill("SIGKILL");
  };

  constructor(
    private readonly binary: string,
    args: readonly string[],
  ) {
    const env = { ...process.env };
    for (const name of NOT_INHERITED) {
      delete env[name];
    }
    this.running = spawn(binary, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    process.once("exit", this.kill);
    this.ended = new Promise((resolve) => {
      this.running.once("error", (error) => resolve(`it cannot be run: ${error.message}`));
      // Not `exit`: by then standard error may not have been read to its end.
      this.running.once("close", (code, signal) =>
        resolve(`it ended with ${code ?? signal}`),
      );
    });
    this.running.stderr.setEncoding("utf8").on("data", (piece: string) => {
      this.stderr = (this.stderr + piece).slice(-KEPT_STDERR);
    });
  }

  get pid(): number | undefined {
    return this.running.pid;
  }

  /** The address in the first line that the process writes. */
  async announced(): Promise<string> {
    const line = await this.firstLine();
    if (line.startsWith(ANNOUNCEMENT)) {
      this.unref();
      return line.slice(ANNOUNCEMENT.length);
    }
    const why =
      line === ""
        ? await this.ended
        : `its first line is \`${line}\` and not \`${ANNOUNCEMENT}http://…\``;
    const said = this.stderr.trim();
    throw new WhippyError(
      `${this.binary} did not start: ${why}; on standard error it said ` +
        (said === "" ? "nothing" : `\n\n${said}`),
    );
  }

  /** Ends the process: as it is asked to, and by force if it takes too long. */
  async stop(): Promise<void> {
    process.removeListener("exit", this.kill);
    const { pid, exitCode, signalCode } = this.running;
    if (pid === undefined || exitCode !== null || signalCode !== null) {
      return;
    }
    this.running.ref();
    const ended = once(this.running, "exit");
    const late = setTimeout(this.kill, STOP_MILLISECONDS);
    this.running.kill();
    await ended;
    clearTimeout(late);
  }

  /** The first line on standard output; empty where the process ends without one. */
  private firstLine(): Promise<string> {
    const { stdout } = this.running;
    let text = "";
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        const seconds = START_MILLISECONDS / 1000;
        reject(new WhippyError(`${this.binary} said nothing for ${seconds} seconds`));
      }, START_MILLISECONDS);
      const done = (): void => {
        clearTimeout(late);
        resolve(text.split("\n", 1)[0]?.trim() ?? "");
      };
      // Read to the end, so that the pipe never fills up.
      stdout.setEncoding("utf8").on("data", (piece: string) => {
        if (!text.includes("\n")) {
          text += piece;
          if (text.includes("\n")) {
            done();
          }
        }
      });
      stdout.once("close", done);
    });
  }

  private unref(): void {
    this.running.unref();
    for (const stream of [this.running.stdout, this.running.stderr]) {
      // The pipes of a process are sockets, though their type does not say so.
      (stream as Readable & { unref(): void }).unref();
    }
  }
}

function newToken(): string {
  return `whippy-${randomBytes(8).toString("hex")}`;
}

async function isMock(admin: Admin): Promise<boolean> {
  try {
    const health = await admin.call("GET", "health", undefined, ANSWER_MILLISECONDS);
    return JSON.stringify(health ?? null).includes("whippy-mock");
  } catch (error) {
    if (error instanceof WhippyError && error.status !== undefined) {
      return false;
    }
    throw new WhippyError(
      `WHIPPY_URL is set, and ${message(error)}; unset it, and the tests start a mock of ` +
        "their own",
    );
  }
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
