/** Directories, programs and requests that the tests share. */

import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Whippy } from "whippy-mock";

export const repository = fileURLToPath(new URL("../../..", import.meta.url));

/** Installed tools. */
export const tools = join(repository, "target/node/node_modules/.bin");

/** An otherwise empty project in which the packed packages are installed. */
export const project = join(repository, "target/node/project");

/** The binary to test with. */
export const binary = process.env["WHIPPY_MOCK_BINARY"] ?? "";

/** A new directory in the project, with these files. */
export function directory(files: Record<string, string> = {}): string {
  const made = mkdtempSync(join(project, "tests-"));
  for (const [name, content] of Object.entries(files)) {
    const path = join(made, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content, { mode: 0o755 });
  }
  return made;
}

/** Result of a program. */
export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program in a directory. It finds the server as an installed package does. */
export function run(
  program: string,
  args: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv },
): Promise<Ran> {
  const env = { ...outside(), NO_COLOR: "1", ...options.env };
  return new Promise((resolve) => {
    const child = execFile(
      program,
      args,
      { cwd: options.cwd, env, maxBuffer: 64 * 1024 * 1024 },
      (_, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}

/** The environment without the variables of this run of tests. */
function outside(): NodeJS.ProcessEnv {
  const names =
    /^(WHIPPY_|VITEST|FORCE_COLOR$|NODE_ENV$|NODE_OPTIONS$|NODE_TEST_|JEST_|npm_)/;
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !names.test(name)),
  );
}

/** Tells if a process is there. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A page of a list, as far as the tests read it. */
export interface Page {
  count: number;
  results: Record<string, string | number>[];
}

/** Asks a world, and returns the JSON of the answer. */
export async function ask(
  whippy: Whippy,
  path: string,
  body?: unknown,
): Promise<{ status: number; json: Page }> {
  const response = await fetch(`${whippy.url}/api/v1/${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      Authorization: `Token ${whippy.token}`,
      "Content-Type": "application/json",
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, json: (await response.json()) as Page };
}
