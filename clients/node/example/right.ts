/** An integration client as it should be: the mistakes of `wrong.ts`, done right. */

import { setTimeout as sleep } from "node:timers/promises";
import type { Item } from "./erp.js";

const BATCH = 100;

/** Attempts before the client gives up. */
export const TRIES = 4;

/** A stock, as far as this client reads it. */
export interface Stock {
  sku: string;
  location: string;
  stock: number;
  reserved_stock: number;
}

interface Page {
  results: Stock[];
  next: string | null;
}

/** A request that the service refused for its content. */
export class RefusedError extends Error {
  constructor(
    readonly status: number,
    detail: string,
  ) {
    super(`${status}: ${detail}`);
  }
}

/** The service did not come back in time. The call may be made again later. */
export class UnavailableError extends Error {}

/** Whippy Ware's stocks, for an ERP. */
export class StockClient {
  readonly api: string;
  private readonly headers: Record<string, string>;

  constructor(
    url: string,
    token: string,
    /** Milliseconds before the first retry. */
    private readonly pause = 500,
  ) {
    this.api = `${url}/api/v1/stocks/`;
    this.headers = { Authorization: `Token ${token}`, "Content-Type": "application/json" };
  }

  /** Asks, and tries again: every call of this client may be made twice. */
  async call(method: string, url: string, body?: unknown): Promise<unknown> {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      if (attempt > 0) {
        await sleep(this.pause * 2 ** (attempt - 1));
      }
      const response = await this.attempt(method, url, body);
      if (response === undefined || response.status >= 500) {
        continue;
      }
      // A request that was refused for its content is refused again.
      if (!response.ok) {
        throw new RefusedError(response.status, await response.text());
      }
      return response.json();
    }
    throw new UnavailableError(`${method} ${url} was not answered, ${TRIES} times`);
  }

  /** All stocks that the filters fit, page by page to the last. */
  async *stocks(filters: Record<string, string> = {}): AsyncGenerator<Stock> {
    const query = new URLSearchParams({ ...filters, limit: "100" });
    let url: string | null = `${this.api}?${query}`;
    while (url !== null) {
      const page = (await this.call("GET", url)) as Page;
      yield* page.results;
      url = page.next;
    }
  }

  /** Stocks of more than so many pieces. */
  plentiful(pieces: number): AsyncGenerator<Stock> {
    return this.stocks({ stock__gt: String(pieces) });
  }

  /** Sends the items that the service does not know yet, and returns their number. */
  async sync(items: readonly Item[]): Promise<number> {
    const known = new Map<string, number>();
    for await (const { sku, location, stock } of this.stocks()) {
      known.set(`${sku} ${location}`, stock);
    }
    const rows = items
      .filter((item) => known.get(`${item.sku} ${item.location}`) !== item.pieces)
      .map(({ pieces, ...item }) => ({ ...item, stock: pieces }));
    for (let start = 0; start < rows.length; start += BATCH) {
      const batch = rows.slice(start, start + BATCH);
      await this.call("POST", `${this.api}insert_or_update_stock/`, batch);
    }
    return rows.length;
  }

  /** Reserves a piece for an order: once, however often it is asked. */
  async reserve(sku: string, location: string, orderedAt: Date): Promise<void> {
    await this.move("increase", sku, location, orderedAt);
  }

  /** Gives the piece of an order free: once, however often it is asked. */
  async release(sku: string, location: string, orderedAt: Date): Promise<void> {
    await this.move("decrease", sku, location, orderedAt);
  }

  private async move(
    way: string,
    sku: string,
    location: string,
    date: Date,
  ): Promise<void> {
    // The date is the order's and not that of the attempt: by it the service knows the
    // retry. 201 and 208 both say that it is done, the latter that it was before.
    await this.call("POST", `${this.api}${way}_reserved_stock/`, { sku, location, date });
  }

  private async attempt(
    method: string,
    url: string,
    body: unknown,
  ): Promise<Response | undefined> {
    try {
      return await fetch(url, {
        method,
        headers: this.headers,
        signal: AbortSignal.timeout(30_000),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch {
      return undefined;
    }
  }
}
