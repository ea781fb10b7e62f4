/**
 * Tests as one writes them. The wrong client passes every one, and the helper fails it.
 *
 * So this file is red, as it should be: run it to see what a failure looks like.
 */

import type { FaultRule } from "whippy-mock";
import { expect, whippyTest } from "whippy-mock/vitest";
import { items } from "./erp.js";
import { StockClient } from "./wrong.js";

const SKU = "TS1042-NVY-L";
const LOCATION = "wh-tuzla";

/** A reservation whose answer is lost, after the piece was reserved. */
const LOST_ANSWER: FaultRule = {
  name: "lost-answer",
  match: { operation: "increase-reserved-stock" },
  fault: { kind: "reset" },
  when: "after",
  times: 1,
};

const test = whippyTest({ world: "demo" });
const strict = whippyTest({ world: "demo", failOn: "note" });

strict("a sync sends the new items", async ({ whippy }) => {
  const client = new StockClient(whippy.url, whippy.token);
  expect(await client.sync(items(20))).toBe(20);
});

test("plentiful stocks are found", async ({ whippy }) => {
  const client = new StockClient(whippy.url, whippy.token);
  const found = await client.plentiful(100);
  expect(found).toContainEqual(expect.objectContaining({ sku: SKU, location: LOCATION }));
});

test("a reservation outlives a lost answer", async ({ whippy }) => {
  const client = new StockClient(whippy.url, whippy.token);
  await whippy.faults([LOST_ANSWER]);
  expect(await client.reserve(SKU, LOCATION)).toBe(true);
});

test("a release where nothing is reserved does nothing", async ({ whippy }) => {
  const client = new StockClient(whippy.url, whippy.token);
  expect(await client.release("KZ5001-KREM-STD", LOCATION)).toBe(false);
});

test("a refusal is an error", async ({ whippy }) => {
  const client = new StockClient(whippy.url, whippy.token);
  const refused = client.call("POST", "insert_or_update_stock/", { sku: SKU });
  await expect(refused).rejects.toThrow("400");
});
