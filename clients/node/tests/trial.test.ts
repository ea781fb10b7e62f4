/** Names of worlds, and options. */

import { expect, test } from "vitest";
import { checkOptions, worldName } from "../dist/trial.js";

const LONG = `sync.test.ts.${"deep ".repeat(30)}end`;

test.each(["sync.test.ts.it works [500-a/b c]", "ürün.test.ts.çok güzel", "…", "", LONG])(
  "a test's name gives a name that the mock takes: %j",
  (name) => {
    expect(worldName(name)).toMatch(/^[A-Za-z0-9][A-Za-z0-9._~-]{0,63}$/);
  },
);

test("a world's name ends as the test's does", () => {
  expect(worldName(LONG)).toMatch(/-deep-end-[0-9a-f]{8}$/);
  expect(worldName("sync.test.ts.a b")).toMatch(/^sync\.test\.ts\.a-b-[0-9a-f]{8}$/);
});

test("a test that runs again has another world", () => {
  expect(new Set([1, 2, 3].map(() => worldName("a.test.ts.a"))).size).toBe(3);
});

test("an option that there is none of is refused with those there are", () => {
  expect(() => checkOptions({ seed: "demo" } as object)).toThrow(
    "there is no option seed; the options are world, reading, faults, failOn, ignore",
  );
  expect(() => checkOptions({ failOn: "warn" } as object)).toThrow("failOn is `warn`");
});
