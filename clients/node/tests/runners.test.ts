/** The helpers under each runner: whole suites, and how their tests fared. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Options } from "whippy-mock";
import { directory, project, run, tools } from "./kit.js";

type Runner = "vitest" | "jest" | "jest, as ES modules" | "node:test";

const RUNNERS: Runner[] = ["vitest", "jest", "jest, as ES modules", "node:test"];

/** Result of a suite: how each test fared, and all that the runner wrote. */
interface Suite {
  code: number | null;
  tests: Record<string, string>;
  text: string;
}

/** The lines of a suite that are the same under all runners. */
const CLIENT = `
const SKU = "555AB1300456213004";

async function ask(whippy, path, body) {
  const response = await fetch(whippy.url + "/api/v1/" + path, {
    method: body ? "POST" : "GET",
    headers: { Authorization: "Token " + whippy.token, "Content-Type": "application/json" },
    ...(body && { body: JSON.stringify(body) }),
  });
  return response.json();
}

const reserve = (whippy) =>
  ask(whippy, "stocks/increase_reserved_stock/", { sku: SKU, location: "110" });
const reserved = async (whippy) =>
  (await ask(whippy, "stocks/?sku=" + SKU)).results[0].reserved_stock;

const MISTAKES = {
  note: "stocks/?sku=5&limit=100000",
  warning: "stocks/?stock_gt=4&limit=3",
  error: "stock/",
};
const mistake = (whippy, level) => ask(whippy, MISTAKES[level]).catch(() => {});
`;

/** Lines that make `check(name, run)` a test with a world. */
function header(runner: Runner, options: Options): string {
  const given = JSON.stringify(options);
  switch (runner) {
    case "vitest":
      return `
import assert from "node:assert/strict";
import { whippyTest } from "whippy-mock/vitest";
const given = whippyTest(${given});
const check = (name, run) => given(name, ({ whippy }) => run(whippy));
${CLIENT}`;
    case "jest":
      return `
const assert = require("node:assert/strict");
const { useWhippy } = require("whippy-mock/jest");
const whippy = useWhippy(${given});
const check = (name, run) => test(name, () => run(whippy));
${CLIENT}`;
    case "jest, as ES modules":
      return `
import assert from "node:assert/strict";
import { useWhippy } from "whippy-mock/jest";
const whippy = useWhippy(${given});
const check = (name, run) => test(name, () => run(whippy));
${CLIENT}`;
    case "node:test":
      return `
import assert from "node:assert/strict";
import { test } from "node:test";
import { useWhippy } from "whippy-mock/node-test";
const whippy = useWhippy(${given});
const check = (name, run) => test(name, () => run(whippy));
${CLIENT}`;
  }
}

/** Program and arguments of a runner, and the variables that it needs. */
function command(runner: Runner, setup: boolean): [string[], NodeJS.ProcessEnv] {
  const globalSetup = setup ? ["--globalSetup", "whippy-mock/setup"] : [];
  switch (runner) {
    case "vitest":
      return [[join(tools, "vitest"), "run", "--reporter=json", "--reporter=verbose"], {}];
    case "jest":
      return [[join(tools, "jest"), "--json", "--rootDir", ".", ...globalSetup], {}];
    case "jest, as ES modules":
      return [
        [join(tools, "jest"), "--json", "--rootDir", ".", ...globalSetup],
        { NODE_OPTIONS: "--experimental-vm-modules" },
      ];
    case "node:test":
      return [[process.execPath, "--test", "--test-reporter=tap"], {}];
  }
}

/** Runs files of tests, each with the header of the runner. */
async function suite(
  runner: Runner,
  files: string | Record<string, string>,
  given: { options?: Options; setup?: boolean; exec?: string[] } = {},
): Promise<Suite> {
  const named = typeof files === "string" ? { "a.test.js": files } : files;
  const cwd = directory({
    "package.json": JSON.stringify({ type: runner === "jest" ? "commonjs" : "module" }),
    ...(given.setup && runner === "vitest" && { "vitest.config.js": VITEST_SETUP }),
    ...Object.fromEntries(
      Object.entries(named).map(([name, text]) => [
        name,
        header(runner, given.options ?? {}) + text,
      ]),
    ),
  });
  const [program, env] = command(runner, given.setup ?? false);
  const [first = "", ...rest] = [...(given.exec ?? []), ...program];
  const { code, stdout, stderr } = await run(first, rest, { cwd, env });
  return { code, tests: outcomes(runner, stdout), text: stdout + stderr };
}

const VITEST_SETUP = 'export default { test: { globalSetup: ["whippy-mock/setup"] } };';

function outcomes(runner: Runner, stdout: string): Record<string, string> {
  if (runner === "node:test") {
    const lines = stdout.matchAll(/^ *(not ok|ok) \d+ - (.*?)( # SKIP.*)?$/gm);
    return Object.fromEntries(
      [...lines].map(([, ok, name, skip]) => [
        name,
        skip ? "skipped" : ok === "ok" ? "passed" : "failed",
      ]),
    );
  }
  const line = stdout.split("\n").find((line) => line.startsWith('{"num')) ?? "{}";
  type Test = { title: string; status: string };
  const report = JSON.parse(line) as { testResults: { assertionResults: Test[] }[] };
  return Object.fromEntries(
    report.testResults
      .flatMap((file) => file.assertionResults)
      .map(({ title, status }) => [title, status]),
  );
}

describe.each(RUNNERS)("%s", (runner) => {
  test("every test has a world of its own on the server of its file", async () => {
    const { tests, text } = await suite(
      runner,
      `
const seen = [];
for (const time of [1, 2, 3]) {
  check("time " + time, async (whippy) => {
    assert.equal(await reserved(whippy), 0);
    await reserve(whippy);
    assert.equal(await reserved(whippy), 1);
    seen.push(whippy.url);
    assert.equal(new Set(seen).size, time);
    assert.equal(new Set(seen.map((url) => new URL(url).host)).size, 1);
  });
}`,
    );
    expect(tests, text).toEqual({
      "time 1": "passed",
      "time 2": "passed",
      "time 3": "passed",
    });
  });

  test("findings from a level on fail tests that passed", async () => {
    const mistakes = `
for (const level of ["note", "warning", "error"]) {
  check(level, (whippy) => mistake(whippy, level));
}`;
    const { code, tests, text } = await suite(runner, mistakes);
    expect([code, tests], text).toEqual([
      1,
      { note: "passed", warning: "failed", error: "failed" },
    ]);
    expect(text).toContain("whippy: unknown-parameter (a mistake of the client; failOn =");
    expect(text).toContain("  meant:  stock__gt");
    expect(text).toMatch(/a\.test\.js\.warning-[0-9a-f]{8}\/__admin\/requests/);
    expect(text).toContain("200 GET /api/v1/stocks/?stock_gt=4&limit=3");

    const lenient = await suite(runner, mistakes, { options: { failOn: "never" } });
    expect(lenient.code, lenient.text).toBe(0);
  });

  test("a known finding does not fail a test, another one beside it does", async () => {
    const { tests, text } = await suite(
      runner,
      `
check("known", (whippy) => mistake(whippy, "warning"));
check("new", async (whippy) => {
  await mistake(whippy, "warning");
  await mistake(whippy, "error");
});`,
      { options: { ignore: ["unknown-parameter"] } },
    );
    expect(tests, text).toEqual({ known: "passed", new: "failed" });
    expect(text).toContain("whippy: unknown-path (a mistake");
  });

  test("in a test that failed findings are shown beside", async () => {
    const { tests, text } = await suite(
      runner,
      `
check("fails", async (whippy) => {
  await mistake(whippy, "warning");
  assert.equal("this", "that");
});`,
    );
    expect(tests, text).toEqual({ fails: "failed" });
    expect(text).toContain("this");
    expect(text).toContain("whippy: unknown-parameter");
  });

  test("a client finds address and token in the environment during a test", async () => {
    const { tests, text } = await suite(
      runner,
      `
check("set", (whippy) => {
  assert.equal(process.env.WHIPPY_URL, whippy.url);
  assert.equal(process.env.WHIPPY_TOKEN, whippy.token);
});
assert.equal(process.env.WHIPPY_URL, undefined);`,
    );
    expect(tests, text).toEqual({ set: "passed" });
  });

  test("the options say what the worlds begin with", async () => {
    const { tests, text } = await suite(
      runner,
      `
check("begins", async (whippy) => {
  const page = await ask(whippy, "stocks/?is_active=true");
  assert.equal(page.results.length, 7);
  await assert.rejects(reserve(whippy));
});`,
      {
        options: {
          world: "demo",
          reading: { "page-size": 7 },
          faults: [
            {
              name: "down",
              match: { operation: "increase-reserved-stock" },
              fault: { kind: "reset" },
            },
          ],
        },
      },
    );
    expect(tests, text).toEqual({ begins: "passed" });
  });

  test("under exec its server has the worlds, and reports on all of them", async () => {
    const report = join(directory(), "findings.json");
    const exec = [
      join(project, "node_modules/.bin/whippy-mock"),
      ...["exec", "--fail-on", "never", "--report", `json=${report}`, "--"],
    ];
    const { code, text } = await suite(
      runner,
      `
const theirs = process.env.WHIPPY_URL;
check("clean", async (whippy) => {
  assert.equal(new URL(whippy.url).host, new URL(theirs).host);
  await reserve(whippy);
});
check("ignored", (whippy) => mistake(whippy, "warning"));`,
      { exec, options: { ignore: ["unknown-parameter"] } },
    );
    expect(code, text).toBe(0);
    const { worlds } = JSON.parse(readFileSync(report, "utf8"));
    const found = worlds.map((world: { findings: { id: string }[] }) =>
      world.findings.map((finding) => finding.id),
    );
    expect(found.sort()).toEqual([[], ["undated-reservation"]]);
  });

  test("exec succeeds where a test ignores the only mistake", async () => {
    const exec = [
      join(project, "node_modules/.bin/whippy-mock"),
      ...["exec", "--fail-on", "warning", "--"],
    ];
    const { code, text } = await suite(
      runner,
      'check("ignored", (whippy) => mistake(whippy, "warning"));',
      { exec, options: { ignore: ["unknown-parameter"] } },
    );
    expect(code, text).toBe(0);
  });

  test("an id to ignore that does not exist fails the test", async () => {
    const { tests, text } = await suite(runner, 'check("misspelt", (whippy) => {});', {
      options: { ignore: ["unknown-paramter"] },
    });
    expect(tests, text).toEqual({ misspelt: "failed" });
    expect(text).toContain(
      "ignore: there is no finding `unknown-paramter`; did you mean `unknown-parameter`?",
    );
  });

  test("where nothing answers at WHIPPY_URL the tests fail, and say why", async () => {
    const { code, text } = await suite(runner, 'check("any", (whippy) => {});', {
      exec: ["env", "WHIPPY_URL=http://127.0.0.1:1"],
    });
    expect(code, text).toBe(1);
    expect(text).toContain(
      "WHIPPY_URL is set, and GET http://127.0.0.1:1/__admin/health was",
    );
  });

  test("no server is left when the run has ended", async () => {
    const { text } = await suite(
      runner,
      `
check("passes", async (whippy) => { console.log("at=" + whippy.url); });
check("fails", async (whippy) => { assert.fail("at=" + whippy.url); });`,
    );
    const [, url] = /at=(http:\/\/127\.0\.0\.1:\d+)/.exec(text) ?? [];
    expect(url, text).toBeDefined();
    await expect(fetch(`${url}/__admin/health`)).rejects.toThrow("fetch failed");
  });
});

describe.each(RUNNERS.filter((runner) => runner !== "node:test"))("%s", (runner) => {
  test("with the global setup all files share a server, which ends with the run", async () => {
    const file = 'check("says", (whippy) => { assert.fail("at=" + whippy.url); });';
    const { text } = await suite(
      runner,
      { "a.test.js": file, "b.test.js": file },
      { setup: true },
    );
    const found = [...text.matchAll(/at=(http:\/\/127\.0\.0\.1:\d+)\/worlds\/([a-z.]+)/g)];
    expect(new Set(found.map(([, url]) => url)).size, text).toBe(1);
    expect(new Set(found.map(([, , world]) => world)).size).toBe(2);
    await expect(fetch(`${found[0]?.[1]}/__admin/health`)).rejects.toThrow("fetch failed");
  });
});

describe("vitest", () => {
  test("tests that run at once have worlds of their own, and no variables", async () => {
    const { tests, text } = await suite(
      "vitest",
      `
let both;
const met = new Promise((resolve) => { both = resolve; });
const urls = new Set();
for (const name of ["one", "other"]) {
  given.concurrent(name, async ({ whippy }) => {
    urls.add(whippy.url);
    if (urls.size === 2) both();
    await met;
    assert.equal(process.env.WHIPPY_URL, undefined);
    await reserve(whippy);
    assert.equal(await reserved(whippy), 1);
  });
}`,
    );
    expect(tests, text).toEqual({ one: "passed", other: "passed" });
  });

  test("a retry has a fresh world, and a test that skips itself is not judged", async () => {
    const { tests, text } = await suite(
      "vitest",
      `
const worlds = new Set();
given("retried", { retry: 2 }, async ({ whippy }) => {
  worlds.add(whippy.world);
  assert.equal((await whippy.requests()).length, 0);
  await reserve(whippy);
  assert.equal(worlds.size, 3);
});
given("skipped", async ({ whippy, skip }) => {
  await mistake(whippy, "error");
  skip();
});
given.fails("known", ({ whippy }) => mistake(whippy, "error"));`,
    );
    expect(tests, text).toEqual({ retried: "passed", skipped: "skipped", known: "passed" });
  });

  test("mistakes of fixtures that end before count", async () => {
    const { tests, text } = await suite(
      "vitest",
      `
given.extend({
  client: async ({ whippy }, use) => {
    await use("client");
    await mistake(whippy, "error");
  },
})("late", ({ client }) => { assert.equal(client, "client"); });`,
    );
    expect(tests, text).toEqual({ late: "failed" });
  });

  test("a test that does not name the world does without a server", async () => {
    const { tests, text } = await suite("vitest", 'given("none", () => {});', {
      exec: ["env", "WHIPPY_MOCK_BINARY=no/such/file"],
    });
    expect(tests, text).toEqual({ none: "passed" });
  });
});

describe("node:test", () => {
  test("a subtest shares the world of its test", async () => {
    const { tests, text } = await suite(
      "node:test",
      `
test("outer", async (t) => {
  await reserve(whippy);
  await t.test("inner", async () => { assert.equal(await reserved(whippy), 1); });
});
test("next", async () => { assert.equal(await reserved(whippy), 0); });`,
    );
    expect(tests, text).toEqual({ outer: "passed", inner: "passed", next: "passed" });
  });

  test("tests at once are refused", async () => {
    const { tests, text } = await suite(
      "node:test",
      `
import { describe } from "node:test";
describe("at once", { concurrency: 2 }, () => {
  test("one", () => {});
  test("other", () => {});
});`,
    );
    expect(tests["other"], text).toBe("failed");
    expect(text).toContain("`at once > other` began before `at once > one` ended");
  });

  test("a test that skips itself leaves no world behind", async () => {
    const { tests, text } = await suite(
      "node:test",
      `
test("skips", (t) => t.skip());
check("next", async (whippy) => { assert.equal(await reserved(whippy), 0); });`,
    );
    expect(tests, text).toEqual({ skips: "skipped", next: "passed" });
  });
});

test("outside of a test there is no world", async () => {
  const { code, text } = await suite("jest", "whippy.url;");
  expect(code).toBe(1);
  expect(text).toContain(
    "whippy.url: outside of a test there is no world; use it in a test",
  );
});

test("an option that there is none of is refused before anything runs", async () => {
  const options = { seed: "demo" } as object;
  const { code, text } = await suite("jest", 'check("any", () => {});', { options });
  expect(code).toBe(1);
  expect(text).toContain("there is no option seed; the options are world, reading,");
});
