/**
 * The mock's admin paths over HTTP: JSON goes in, JSON comes out, a refusal is thrown.
 *
 * Nothing here knows a test runner. It asks by `node:http` and not by `fetch`: that one may be
 * replaced by a test, and a proxy may stand in its way.
 */

import type { IncomingMessage } from "node:http";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { WhippyError } from "./errors.cjs";

/** Longer than any admin path takes; a mock that is silent for so long hangs. */
const TIMEOUT_MILLISECONDS = 30_000;

/** Requirements of a mock that is not on this machine alone. */
export interface Access {
  /** Token of the admin paths. */
  adminToken?: string | undefined;
  /** Certificates to trust over TLS, as PEM. */
  ca?: string | undefined;
}

/** The admin paths of a server, or of one world of it. */
export class Admin {
  constructor(
    readonly base: string,
    private readonly access: Access = {},
  ) {}

  /** The admin paths of a world of this server. */
  ofWorld(name: string): Admin {
    return new Admin(`${this.base}/worlds/${name}`, this.access);
  }

  /**
   * Asks, and returns the JSON of the answer; undefined where it is empty.
   *
   * @param path behind `/__admin/`.
   * @param timeout in milliseconds.
   * @throws WhippyError with the status of a refusal.
   */
  async call(
    method: string,
    path: string,
    body?: unknown,
    timeout = TIMEOUT_MILLISECONDS,
  ): Promise<unknown> {
    const url = `${this.base}/__admin/${path}`;
    let status: number;
    let content: string;
    try {
      [status, content] = await this.exchange(method, url, body, timeout);
    } catch (error) {
      const why = error instanceof Error ? error.message || error.name : String(error);
      throw new WhippyError(`${method} ${url} was not answered: ${why}`);
    }
    if (status >= 400) {
      const why = detail(content);
      throw new WhippyError(`${method} ${url} was answered ${status}: ${why}`, status, why);
    }
    return content === "" ? undefined : parse(content, status, `${method} ${url}`);
  }

  private exchange(
    method: string,
    url: string,
    body: unknown,
    timeout: number,
  ): Promise<[number, string]> {
    const request = url.startsWith("https:") ? requestHttps : requestHttp;
    const headers: Record<string, string> = { "Content-Type": "application/json" };
    if (this.access.adminToken) {
      headers["Authorization"] = `Bearer ${this.access.adminToken}`;
    }
    return new Promise((resolve, reject) => {
      const asked = request(url, {
        method,
        headers,
        agent: false,
        timeout,
        ...(this.access.ca === undefined ? {} : { ca: this.access.ca }),
      });
      asked.on("timeout", () => {
        asked.destroy(new Error(`nothing came for ${timeout / 1000} seconds`));
      });
      asked.on("error", reject);
      asked.on("response", (answer) => {
        read(answer).then((content) => resolve([answer.statusCode ?? 0, content]), reject);
      });
      asked.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

async function read(answer: IncomingMessage): Promise<string> {
  answer.setEncoding("utf8");
  let content = "";
  for await (const piece of answer) {
    content += piece;
  }
  return content;
}

function parse(content: string, status: number, asked: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    throw new WhippyError(
      `${asked} was not answered by a whippy-mock: ${content.slice(0, 200)}`,
      status,
    );
  }
}

/** The `detail` of a problem document; the beginning of anything else. */
function detail(content: string): string {
  try {
    const problem: unknown = JSON.parse(content);
    if (typeof problem === "object" && problem !== null && "detail" in problem) {
      return String(problem.detail);
    }
  } catch {
    // Not JSON, so not a problem document.
  }
  return content.slice(0, 200) || "nothing more was said";
}
