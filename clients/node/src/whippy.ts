/**
 * A world of a test's own, and what its client did there.
 *
 * Nothing here knows a test runner.
 */

import { readFile } from "node:fs/promises";
import type { Admin } from "./admin.js";
import { WhippyError } from "./errors.cjs";
import type { Faults } from "./faults.js";
import type { Finding } from "./findings.js";
import type { Coverage, Exchange, RequestFilters } from "./journal.js";
import { lines } from "./journal.js";
import type { Server } from "./server.js";

/** A built-in world by its name, a file by its URL, or the world itself. */
export type World = string | URL | Readonly<Record<string, unknown>>;

/** Readings that differ from the defaults, each with its choice. */
export type Reading = Readonly<Record<string, string | number>>;

/** State that a world begins with, and that a reset brings back. */
export interface Start {
  world?: World | undefined;
  reading?: Reading | undefined;
  faults?: Faults | undefined;
}

/** Exchanges that the report of a failed test shows, the last ones. */
const SHOWN_EXCHANGES = 30;

/** The clock of a world. */
export class Clock {
  constructor(private readonly admin: Admin) {}

  /** The service's time. */
  async now(): Promise<Date> {
    return moment(await this.admin.call("GET", "clock"));
  }

  /** Stops it at a moment, or where it stands. A text without a zone is in the service's. */
  async freeze(when?: Date | string): Promise<Date> {
    const now = when === undefined || typeof when === "string" ? when : when.toISOString();
    return moment(await this.admin.call("PUT", "clock", { mode: "fixed", now }));
  }

  /** Moves it ahead, if it stands or runs. */
  async advance(seconds: number): Promise<Date> {
    return moment(await this.admin.call("POST", "clock/advance", { seconds }));
  }
}

/** A world of a test's own. */
export class Whippy {
  /** Base URL for a client: `/api/v1/` follows. */
  readonly url: string;
  /** Token that lets a client in: `Authorization: Token …`. */
  readonly token: string;
  readonly clock: Clock;
  private readonly admin: Admin;

  private constructor(
    private readonly server: Server,
    /** Name of the world. */
    readonly world: string,
    private readonly state: Readonly<Record<string, unknown>>,
    private readonly startFaults: Faults | undefined,
  ) {
    this.admin = server.admin.ofWorld(world);
    this.url = this.admin.base;
    this.token = server.token;
    this.clock = new Clock(this.admin);
  }

  /** Makes a world. */
  static async open(server: Server, name: string, start: Start = {}): Promise<Whippy> {
    const state: Record<string, unknown> = {};
    if (start.world !== undefined) {
      state["world"] = await seed(start.world);
    }
    if (start.reading !== undefined) {
      state["profile"] = start.reading;
    }
    const whippy = new Whippy(server, name, state, start.faults);
    await whippy.reset();
    return whippy;
  }

  /**
   * Brings back the stocks, readings, clock and faults that the test began with.
   *
   * Journal and findings stay as they are.
   */
  async reset(): Promise<void> {
    await this.admin.call("POST", "reset", this.state);
    if (this.startFaults !== undefined) {
      await this.faults(this.startFaults);
    }
  }

  /** The exchanges of this world, the oldest first. */
  async requests(filters: RequestFilters = {}): Promise<Exchange[]> {
    const wanted = { ...filters };
    if (wanted.path?.startsWith("/api/")) {
      // The journal keeps a path as it came: with the world before it.
      wanted.path = `${this.prefix}${wanted.path}`;
    }
    const found = await this.admin.call("POST", "requests/find", wanted);
    return (found as { requests: Exchange[] }).requests;
  }

  /** Mistakes of the client so far, as if this were the end. */
  async findings(): Promise<Finding[]> {
    return (await this.verdict()).findings;
  }

  /** Documented responses, pages and rules that the client has met. */
  async coverage(): Promise<Coverage> {
    return (await this.verdict()).coverage;
  }

  /** Lets things go wrong from now on. With an empty list nothing does any more. */
  async faults(faults: Faults): Promise<void> {
    await this.admin.call("PUT", "faults", faultsBody(faults));
  }

  /**
   * Leaves findings out of the server's own report, as under `whippy-mock exec`.
   *
   * @throws WhippyError with status 400 for an id that does not exist.
   */
  async forgive(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) {
      const query = ids.map((id) => `id=${encodeURIComponent(id)}`).join("&");
      await this.admin.call("DELETE", `findings?${query}`);
    }
  }

  /** Refuses ids of findings that do not exist. Call it before the client asks anything. */
  async checkIgnored(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) {
      return;
    }
    try {
      await this.forgive(ids);
    } catch (error) {
      if (error instanceof WhippyError && error.status === 400) {
        throw new WhippyError(`ignore: ${error.detail?.replace(/^id: /, "")}`, 400);
      }
      throw error;
    }
    // Nothing is forgiven yet: `findings()` shows ignored findings too.
    await this.admin.call("DELETE", "findings");
  }

  /** Gives the world up, with its journal. */
  async drop(): Promise<void> {
    try {
      await this.server.admin.call("DELETE", `worlds/${this.world}`);
    } catch (error) {
      // A test may have given it up itself.
      if (!(error instanceof WhippyError && error.status === 404)) {
        throw error;
      }
    }
  }

  /** The last exchanges, a line each. */
  async story(): Promise<string> {
    const exchanges = await this.requests();
    const shown = exchanges.slice(-SHOWN_EXCHANGES);
    const hidden = exchanges.length - shown.length;
    return [
      "the journal of this test, in full as long as the server runs:",
      `  ${this.url}/__admin/requests`,
      ...(hidden > 0 ? [`  … ${hidden} before these`] : []),
      ...lines(shown, this.prefix),
    ].join("\n");
  }

  private get prefix(): string {
    return `/worlds/${this.world}`;
  }

  private async verdict(): Promise<{ findings: Finding[]; coverage: Coverage }> {
    type Verdicts = { worlds: [{ findings: Finding[]; coverage: Coverage }] };
    const verdicts = await this.admin.call("GET", "findings?all=true");
    return (verdicts as Verdicts).worlds[0];
  }
}

function moment(clock: unknown): Date {
  return new Date((clock as { now: string }).now);
}

async function seed(world: World): Promise<unknown> {
  return world instanceof URL ? JSON.parse(await readFile(world, "utf8")) : world;
}

function faultsBody(faults: Faults): object {
  if (typeof faults === "string") {
    return { preset: faults };
  }
  return "rules" in faults ? faults : { rules: faults };
}
