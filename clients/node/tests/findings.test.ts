/** Levels, and the text that a test fails with. */

import { expect, test } from "vitest";
import type { FailOn, Finding } from "whippy-mock";
import { readFailOn, verdict } from "../dist/findings.js";

const UNKNOWN: Finding = {
  id: "unknown-parameter",
  level: "warning",
  request: 1,
  at: "2023-05-10T13:37:18+03:00",
  method: "GET",
  target: "/api/v1/stocks/?stock_gt=4",
  sent: "stock_gt=4",
  meant: "stock__gt=4",
  why: "The operation has no such query parameter.",
  source: {
    grade: "stack",
    section: "Filters",
    says: "Unknown parameters are ignored.",
  },
  count: 5,
  requests: [1, 4, 7],
};

test.each<[FailOn, string[]]>([
  ["note", ["note", "warning", "error"]],
  ["warning", ["warning", "error"]],
  ["error", ["error"]],
  ["never", []],
])("with failOn %s these levels fail a test: %j", (failOn, failing) => {
  const levels = ["note", "warning", "error"] as const;
  const failed = levels.filter((level) => verdict([{ ...UNKNOWN, level }], failOn));
  expect(failed).toEqual(failing);
});

test("a verdict has the request, the meaning and the source", () => {
  expect(verdict([UNKNOWN, { ...UNKNOWN, level: "note" }], "warning")).toBe(
    `whippy: unknown-parameter (a mistake of the client; failOn = warning, 1 below that)

warning unknown-parameter: GET /api/v1/stocks/?stock_gt=4 (requests 1, 4, 7 and 2 more)
  sent:   stock_gt=4
  meant:  stock__gt=4
  why:    The operation has no such query parameter.
  source: stack · Filters · Unknown parameters are ignored.`,
  );
});

test("a meaning that cannot be told is left out", () => {
  const text = verdict([{ ...UNKNOWN, meant: null, count: 1, requests: [4] }], "warning");
  expect(text).not.toContain("meant");
  expect(text).toContain("(request 4)");
});

test("a word that is not a level is refused with the levels", () => {
  expect(() => readFailOn("warn")).toThrow(
    "failOn is `warn`, which is not a level; the levels are note, warning, error, never",
  );
});
