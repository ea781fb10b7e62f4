/** A world of a test, on the mock itself. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { FaultRule, Start } from "whippy-mock";
import { Server, Whippy, WhippyError } from "whippy-mock";
import { ask, binary, directory } from "./kit.js";

const SKU = "555AB1300456213004";
const DOWN: FaultRule = { name: "down", fault: { kind: "status", status: 503 } };

let server: Server;
let made = 0;

beforeAll(async () => {
  server = await Server.start(binary);
});

afterAll(() => server.stop());

function open(start: Start = {}): Promise<Whippy> {
  return Whippy.open(server, `world-${made++}`, start);
}

async function reserve(whippy: Whippy): Promise<void> {
  const body = { sku: SKU, location: "110" };
  expect((await ask(whippy, "stocks/increase_reserved_stock/", body)).status).toBe(201);
}

async function reserved(whippy: Whippy): Promise<unknown> {
  return (await ask(whippy, `stocks/?sku=${SKU}`)).json.results[0]?.["reserved_stock"];
}

async function providers(whippy: Whippy): Promise<unknown[]> {
  const { json } = await ask(whippy, "providers/");
  return json.results.map((provider) => provider["name"]);
}

test("worlds of one server know nothing of each other", async () => {
  const [one, another] = [await open(), await open()];
  await reserve(one);
  expect([await reserved(one), await reserved(another)]).toEqual([1, 0]);
});

test("a world starts with a built-in one, a file, or what is given in full", async () => {
  const small = (name: string) => ({ providers: [{ name }] });
  const file = join(directory(), "small.json");
  writeFileSync(file, JSON.stringify(small("file")));
  expect((await ask(await open({ world: "demo" }), "stocks/")).json.count).toBe(330);
  expect(await providers(await open({ world: pathToFileURL(file) }))).toEqual(["file"]);
  expect(await providers(await open({ world: small("given") }))).toEqual(["given"]);
});

test("a world or a reading that there is none of is refused", async () => {
  await expect(open({ world: "dmeo" })).rejects.toThrow(/400: .*no built-in world `dmeo`/);
  await expect(open({ reading: { "page-sise": 1 } })).rejects.toThrow(
    /400: .*no reading `page-sise`/,
  );
});

test("a reset brings back the start, and keeps the journal", async () => {
  const whippy = await open({
    world: "before-decrease",
    reading: { "page-size": 1 },
    faults: [{ ...DOWN, match: { operation: "create-stock" } }],
  });
  const began = await ask(whippy, "stocks/");
  expect(began.json.results).toHaveLength(1);
  await reserve(whippy);
  await whippy.clock.freeze("2001-01-01T00:00:00Z");
  await whippy.faults([]);
  await whippy.reset();
  expect(await ask(whippy, "stocks/")).toEqual(began);
  expect((await whippy.clock.now()).getFullYear()).toBeGreaterThan(2001);
  await expect(ask(whippy, "stocks/", {})).rejects.toThrow();
  expect(await whippy.requests({ operation: "increase-reserved-stock" })).toHaveLength(1);
});

test("requests are found by their members", async () => {
  const whippy = await open();
  await reserve(whippy);
  await ask(whippy, "stocks/?page=9");
  const statuses = (await whippy.requests()).map((exchange) => exchange.response?.status);
  expect(statuses).toEqual([201, 404]);
  expect(await whippy.requests({ status: "4xx", path: "/api/v1/stocks/" })).toHaveLength(1);
  expect(await whippy.requests({ body: { location: "110" } })).toHaveLength(1);
  expect(await whippy.requests({ status: 500 })).toEqual([]);
  await expect(whippy.requests({ colour: "red" } as object)).rejects.toThrow(
    /was answered 400: .*unknown field `colour`/,
  );
});

test("the clock stands and moves as it is told", async () => {
  const whippy = await open();
  const moment = new Date("2023-05-10T12:00:00Z");
  expect(await whippy.clock.freeze(moment)).toEqual(moment);
  expect(await whippy.clock.freeze()).toEqual(moment);
  await reserve(whippy);
  const [stock] = (await ask(whippy, `stocks/?sku=${SKU}`)).json.results;
  expect(new Date(stock?.["modified_date"] ?? "")).toEqual(moment);
  expect(await whippy.clock.advance(90.5)).toEqual(new Date("2023-05-10T12:01:30.500Z"));
  // A text without a zone is in the service's.
  const midnight = await whippy.clock.freeze("2023-05-10T00:00:00");
  expect(midnight).toEqual(new Date("2023-05-09T21:00:00Z"));
});

test.each([
  ["a preset", "maintenance"],
  ["a list", [DOWN]],
  ["a file", { seed: 1, rules: [DOWN] }],
])("faults are %s, and end with an empty list or a reset", async (_, faults) => {
  const whippy = await open();
  const status = async () =>
    (await fetch(`${whippy.url}/api/v1/stocks/`, { headers: authorization(whippy) }))
      .status;
  await whippy.faults(faults);
  expect(await status()).toBe(503);
  await whippy.faults([]);
  expect(await status()).toBe(200);
  await whippy.faults(faults);
  await whippy.reset();
  expect(await status()).toBe(200);
});

test("findings and coverage are of the world alone", async () => {
  const [one, another] = [await open(), await open()];
  await ask(one, "stocks/?stock_gt=4&limit=3");
  expect((await one.findings()).map((finding) => finding.id)).toEqual([
    "unknown-parameter",
  ]);
  expect((await one.coverage()).requests).toBe(1);
  expect(await another.findings()).toEqual([]);
});

test("the story has a line for each of the last exchanges", async () => {
  const whippy = await open();
  await whippy.faults([{ ...DOWN, match: { nth: 1 } }]);
  await fetch(`${whippy.url}/api/v1/stocks/`, { headers: authorization(whippy) });
  for (let number = 0; number < 31; number++) {
    await ask(whippy, `stocks/?sku=${SKU}`);
  }
  const lines = (await whippy.story()).split("\n");
  expect(lines.slice(1, 3)).toEqual([
    `  ${whippy.url}/__admin/requests`,
    "  … 2 before these",
  ]);
  expect(lines).toHaveLength(33);
  expect(lines[3]).toMatch(
    /^ +\d+ 200 GET \/api\/v1\/stocks\/\?sku=.* {2}search-stocks\/found$/,
  );
});

test("a world that is given up is gone, and may be given up again", async () => {
  const whippy = await open();
  await whippy.drop();
  await whippy.drop();
  await expect(whippy.findings()).rejects.toThrow(/404: there is no world/);
  await expect(whippy.findings()).rejects.toThrow(WhippyError);
});

function authorization(whippy: Whippy): Record<string, string> {
  return { Authorization: `Token ${whippy.token}` };
}

test("findings that are ignored are shown until they are forgiven", async () => {
  const whippy = await open();
  await whippy.checkIgnored(["unknown-parameter", "undated-retry"]);
  await ask(whippy, "stocks/?stock_gt=4&limit=3");
  expect((await whippy.findings()).map((finding) => finding.id)).toEqual([
    "unknown-parameter",
  ]);
  await whippy.forgive(["unknown-parameter"]);
  expect(await whippy.findings()).toEqual([]);
});
