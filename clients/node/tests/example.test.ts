/** The example: mistakes of its wrong client, and none of its right one. */

import { cpSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { directory, type Ran, repository, run, tools } from "./kit.js";

const MISTAKES: Record<string, string[]> = {
  "a sync sends the new items": ["row-by-row-upsert", "unread-pages"],
  "plentiful stocks are found": ["unknown-parameter"],
  "a reservation outlives a lost answer": ["undated-retry"],
  "a release where nothing is reserved does nothing": ["repeated-after-reported"],
  "a refusal is an error": ["repeated-bad-request"],
};

let cwd: string;

beforeAll(() => {
  cwd = directory({ "package.json": '{ "type": "module" }' });
  cpSync(join(repository, "clients/node/example"), cwd, { recursive: true });
});

function vitest(...args: string[]): Promise<Ran> {
  return run(join(tools, "vitest"), ["run", ...args], { cwd });
}

test("the right client passes", async () => {
  const { code, stdout } = await vitest("right");
  expect(code, stdout).toBe(0);
  expect(stdout).toMatch(/Tests .*6 passed/);
});

test("the wrong client passes its tests, and each is failed by its mistakes alone", async () => {
  const { code, stdout } = await vitest("wrong", "--reporter=json");
  expect(code).toBe(1);
  type Test = { title: string; failureMessages: string[] };
  const report = JSON.parse(stdout) as { testResults: [{ assertionResults: Test[] }] };
  const told = report.testResults[0].assertionResults.map(({ title, failureMessages }) => {
    const [message = ""] = failureMessages;
    expect(failureMessages, title).toHaveLength(1);
    return [
      title,
      [...message.matchAll(/^(?:note|warning|error) ([a-z-]+):/gm)].map(([, id]) => id),
    ];
  });
  expect(Object.fromEntries(told)).toEqual(MISTAKES);
});
