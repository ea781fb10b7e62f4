/**
 * An integration client as it is often written: it works at first sight, and is wrong.
 *
 * `right.ts` beside it does the same as it should be done.
 */

import type { Item } from "./erp.js";

/** A stock, as far as this client reads it. */
export interface Stock {
  sku: string;
  location: string;
  stock: number;
}

/** Whippy Ware's stocks, for an ERP. */
export class StockClient {
  private readonly api: string;
  private readonly headers: Record<string, string>;

  constructor(url: string, token: string) {
    this.api = `${url}/api/v1/stocks/`;
    this.headers = { Authorization: `Token ${token}`, "Content-Type": "application/json" };
  }

  /** Asks, up to three times. */
  async call(method: string, path: string, body?: unknown): Promise<Response> {
    const request = {
      method,
      headers: this.headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    for (let attempt = 1; attempt < 3; attempt++) {
      try {
        const response = await fetch(this.api + path, request);
        if (response.ok) {
          return response;
        }
        // Wrong: a 400 will be a 400 again.
      } catch {
        // The network; another attempt may do.
      }
    }
    const response = await fetch(this.api + path, request);
    if (!response.ok) {
      throw new Error(`${method} ${path} was answered ${response.status}`);
    }
    return response;
  }

  /** All stocks. */
  async stocks(): Promise<Stock[]> {
    // Wrong: these are the first ten.
    const page = await this.call("GET", "");
    return ((await page.json()) as { results: Stock[] }).results;
  }

  /** Stocks of more than so many pieces. */
  async plentiful(pieces: number): Promise<Stock[]> {
    // Wrong: the filter is `stock__gt`; this one is ignored, without a word.
    const page = await this.call("GET", `?stock_gt=${pieces}&limit=1000`);
    return ((await page.json()) as { results: Stock[] }).results;
  }

  /** Sends the items that the service does not know yet, and returns their number. */
  async sync(items: readonly Item[]): Promise<number> {
    const known = new Map(
      (await this.stocks()).map((stock) => [`${stock.sku} ${stock.location}`, stock.stock]),
    );
    const news = items.filter(
      (item) => known.get(`${item.sku} ${item.location}`) !== item.pieces,
    );
    // Wrong: one call a row, though the service takes a list.
    for (const { pieces, ...item } of news) {
      await this.call("POST", "insert_or_update_stock/", { ...item, stock: pieces });
    }
    return news.length;
  }

  /** Reserves a piece. */
  async reserve(sku: string, location: string): Promise<boolean> {
    // Wrong: without a `date` the retry in `call` may reserve a second one.
    const answer = await this.call("POST", "increase_reserved_stock/", { sku, location });
    return answer.status === 201;
  }

  /** Gives a reserved piece free. */
  async release(sku: string, location: string): Promise<boolean> {
    for (let attempt = 0; attempt < 3; attempt++) {
      const answer = await this.call("POST", "decrease_reserved_stock/", { sku, location });
      // Wrong: 208 says that it is done, and that there is nothing to wait for.
      if (answer.status === 201) {
        return true;
      }
    }
    return false;
  }
}
