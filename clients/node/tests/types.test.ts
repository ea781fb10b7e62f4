/** The published types: they take all that is documented, and fit all that the mock answers. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Server, Whippy } from "whippy-mock";
import { ask, binary, directory, repository, run, tools } from "./kit.js";

/** Compiles a module as a project does that has installed the package. */
async function compile(text: string): Promise<string> {
  const cwd = directory({ "package.json": '{ "type": "module" }' });
  writeFileSync(join(cwd, "typed.ts"), text);
  const options = ["--strict", "--exactOptionalPropertyTypes", "--module", "nodenext"];
  const { stdout } = await run(
    join(tools, "tsc"),
    ["--noEmit", "--types", "node", ...options, "typed.ts"],
    { cwd },
  );
  return stdout;
}

test("every documented rule and every preset is of the type of faults", async () => {
  const page = readFileSync(join(repository, "docs/faults.md"), "utf8");
  const documented = [...page.matchAll(/^```json\n(.*?)^```$/gms)].map(([, json]) => json);
  const folder = join(repository, "fixtures/faults");
  const presets = readdirSync(folder).map((name) =>
    readFileSync(join(folder, name), "utf8"),
  );
  const rules = documented.filter((json) => !json?.includes('"rules"'));
  const files = [...presets, ...documented.filter((json) => json?.includes('"rules"'))];
  expect(rules.length).toBeGreaterThan(15);
  const said = await compile(`
    import type { FaultFile, FaultRule } from "whippy-mock";
    export const rules: FaultRule[] = [${rules.join(",")}];
    export const files: FaultFile[] = [${files.join(",")}];`);
  expect(said).toBe("");
});

test("every kind of fault of the schema is one of the type", async () => {
  const schema = JSON.parse(
    readFileSync(join(repository, "schemas/faults.schema.json"), "utf8"),
  );
  const references: { $ref: string }[] = schema.$defs.fault.oneOf;
  const kinds = references.map(({ $ref }) => $ref.replace("#/$defs/", ""));
  const said = await compile(`
    import type { Fault } from "whippy-mock";
    const kinds: Fault["kind"][] = ${JSON.stringify(kinds)};
    const all = ${JSON.stringify(kinds)} as const;
    const none: Exclude<Fault["kind"], typeof all[number]>[] = [];
    export const checked: never[] = none;
    export { kinds };`);
  expect(said).toBe("");
});

test("a misspelt rule, option or filter does not compile", async () => {
  const said = await compile(`
    import type { FaultRule, RequestFilters } from "whippy-mock";
    import { useWhippy } from "whippy-mock/node-test";
    export const rule: FaultRule = { name: "a", fault: { kind: "rest" } };
    export const filters: RequestFilters = { status: "4x" };
    useWhippy({ failOn: "warn" });`);
  expect(said.match(/^typed\.ts\(\d+/gm)).toEqual([
    "typed.ts(4",
    "typed.ts(5",
    "typed.ts(6",
  ]);
});

test("the mock's answers are of the types, with no member more", async () => {
  const server = await Server.start(binary);
  const whippy = await Whippy.open(server, "typed");
  await ask(whippy, "stocks/?stock_gt=4&limit=3");
  await ask(whippy, "stocks/increase_reserved_stock/", {
    sku: "555AB1300456213004",
    location: "110",
  });
  const answers = [
    await whippy.findings(),
    await whippy.requests(),
    await whippy.coverage(),
  ];
  await server.stop();
  const [findings, exchanges, coverage] = answers.map((answer) => JSON.stringify(answer));
  const said = await compile(`
    import type { Coverage, Exchange, Finding } from "whippy-mock";
    export const findings: Finding[] = ${findings};
    export const exchanges: Exchange[] = ${exchanges};
    export const coverage: Coverage = ${coverage};`);
  expect(said).toBe("");
});

test("the types of every entry compile, as ES modules and as CommonJS", async () => {
  for (const extension of ["mts", "cts"]) {
    const cwd = directory();
    const vitest =
      extension === "mts" ? 'import { test } from "whippy-mock/vitest"; test;' : "";
    writeFileSync(
      join(cwd, `typed.${extension}`),
      `import { Server } from "whippy-mock";
       import { useWhippy } from "whippy-mock/jest";
       import setup from "whippy-mock/setup";
       ${vitest}
       export const used: unknown[] = [Server.start(), useWhippy().url, setup];`,
    );
    const args = ["--noEmit", "--strict", "--types", "node", "--module", "node20"];
    const { stdout } = await run(join(tools, "tsc"), [...args, `typed.${extension}`], {
      cwd,
    });
    expect(stdout).toBe("");
  }
});
