/** Tests of the right client: nothing that it asks is a mistake, so they pass. */

import type { FaultRule, Whippy } from "whippy-mock";
import { expect, whippyTest } from "whippy-mock/vitest";
import type { Item } from "./erp.js";
import { items } from "./erp.js";
import type { Stock } from "./right.js";
import { RefusedError, StockClient, TRIES, UnavailableError } from "./right.js";

const SKU = "TS1042-NVY-L";
const LOCATION = "wh-tuzla";
const ORDERED_AT = new Date("2023-05-10T12:00:00Z");

/** A reservation whose answer is lost, after the piece was reserved. */
const LOST_ANSWER: FaultRule = {
  name: "lost-answer",
  match: { operation: "increase-reserved-stock" },
  fault: { kind: "reset" },
  when: "after",
  times: 1,
};

/** Even what is only worth a note fails these tests. The client does not wait for a retry. */
const test = whippyTest({ world: "demo", failOn: "note" }).extend<{ client: StockClient }>({
  client: async ({ whippy }, use) => use(new StockClient(whippy.url, whippy.token, 0)),
});

async function all(stocks: AsyncIterable<Stock>): Promise<Stock[]> {
  const found: Stock[] = [];
  for await (const stock of stocks) {
    found.push(stock);
  }
  return found;
}

async function reserved(client: StockClient): Promise<number> {
  const [stock] = await all(client.stocks({ sku: SKU, location: LOCATION }));
  return stock?.reserved_stock ?? Number.NaN;
}

/** Statuses of the answers; undefined where nothing was answered. */
async function statuses(
  whippy: Whippy,
  operation: string,
): Promise<(number | undefined)[]> {
  const exchanges = await whippy.requests({ operation });
  return exchanges.map((exchange) => exchange.response?.status);
}

test("a sync sends the new items in batches", async ({ whippy, client }) => {
  const delivery = items(250);
  const changed = delivery.with(0, { ...delivery[0], pieces: 99 } as Item);
  expect(await client.sync(delivery)).toBe(250);
  expect(await statuses(whippy, "upsert-stocks")).toEqual([200, 200, 200]);
  expect(await client.sync(delivery)).toBe(0);
  expect(await client.sync(changed)).toBe(1);
  expect(await statuses(whippy, "upsert-stocks")).toHaveLength(4);
  expect((await whippy.coverage()).whole_walks).toBe(3);
});

test("plentiful stocks are found", async ({ client }) => {
  const found = await all(client.plentiful(100));
  expect(found).toContainEqual(expect.objectContaining({ sku: SKU, location: LOCATION }));
  expect(found.every(({ stock }) => stock > 100)).toBe(true);
});

test("a reservation outlives a lost answer", async ({ whippy, client }) => {
  const before = await reserved(client);
  await whippy.faults([LOST_ANSWER]);
  await client.reserve(SKU, LOCATION, ORDERED_AT);
  expect(await statuses(whippy, "increase-reserved-stock")).toEqual([undefined, 208]);
  expect(await reserved(client)).toBe(before + 1);
});

test("a release counts once", async ({ whippy, client }) => {
  await client.reserve(SKU, LOCATION, ORDERED_AT);
  const before = await reserved(client);
  await client.release(SKU, LOCATION, ORDERED_AT);
  await client.release(SKU, LOCATION, ORDERED_AT);
  expect(await statuses(whippy, "decrease-reserved-stock")).toEqual([201, 208]);
  expect(await reserved(client)).toBe(before - 1);
});

test("a refusal is an error at once", async ({ whippy, client }) => {
  const refused = client.call("POST", `${client.api}insert_or_update_stock/`, { sku: SKU });
  await expect(refused).rejects.toThrow(RefusedError);
  expect(await statuses(whippy, "upsert-stocks")).toEqual([400]);
});

test("a service that stays away is given up", async ({ whippy, client }) => {
  await whippy.faults("maintenance");
  await expect(client.reserve(SKU, LOCATION, ORDERED_AT)).rejects.toThrow(UnavailableError);
  expect(await whippy.requests()).toHaveLength(TRIES);
});
