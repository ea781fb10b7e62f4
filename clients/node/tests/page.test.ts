/** docs/javascript.md: its files are written, and its commands run, in the order of the page. */

import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { directory, repository, run } from "./kit.js";

/** A block of the page, and the comment that says what becomes of it. */
interface Block {
  readonly use: string;
  readonly language: string;
  readonly text: string;
}

function blocks(page: string): Block[] {
  const found = page.matchAll(/(?:<!-- (.*?) -->\n)?^```(\w+)\n(.*?)^```$/gms);
  return [...found].map(([, use = "", language = "", text = ""]) => ({
    use,
    language,
    text,
  }));
}

/** A project as a reader has it who has copied the packages into it. */
function emptyProject(): string {
  const cwd = directory({ "package.json": '{ "private": true }' });
  const packages = join(repository, "target/node/packages");
  for (const name of readdirSync(packages).filter((name) => name.endsWith(".tgz"))) {
    copyFileSync(join(packages, name), join(cwd, name));
  }
  return cwd;
}

/** Runs the commands of a block, one by one, and compares what a console shows. */
async function runBlock(cwd: string, { language, text }: Block): Promise<void> {
  // Nothing is fetched: the page promises that the files suffice.
  const env = { npm_config_offline: "true" };
  if (language !== "console") {
    for (const line of text.trim().split("\n")) {
      const { code, stdout, stderr } = await run("bash", ["-c", line], { cwd, env });
      expect(code, `${line}\n${stdout}${stderr}`).toBe(0);
    }
    return;
  }
  const [command = "", ...shown] = text.trim().split("\n");
  const args = ["-c", command.replace("$ ", "")];
  const { code, stdout, stderr } = await run("bash", args, { cwd, env });
  expect(code, command).toBe(1);
  const said = stdout + stderr;
  for (const part of shown
    .join("\n")
    .split("…\n")
    .map((part) => part.replace(/\n?…$/, ""))) {
    expect(said).toContain(part);
  }
}

test("every file and command of the page does what the page says", async () => {
  const page = readFileSync(join(repository, "docs/javascript.md"), "utf8");
  const cwd = emptyProject();
  for (const block of blocks(page)) {
    const [use, name = ""] = block.use.split(": ");
    if (use === "file") {
      mkdirSync(dirname(join(cwd, name)), { recursive: true });
      writeFileSync(join(cwd, name), block.text);
    } else if (use === "run") {
      await runBlock(cwd, block);
    } else if (use === "steps") {
      await runBlock(cwd, { ...block, text: block.text.replaceAll(/^- run: /gm, "") });
    } else {
      expect.fail(`no comment says what becomes of this block:\n${block.text}`);
    }
  }
});
