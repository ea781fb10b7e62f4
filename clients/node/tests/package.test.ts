/** The packages as npm installs them, and the command that they bring. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { binaryName, PLATFORMS, thisPlatform } from "../dist/binary.cjs";
import { directory, project, repository, run } from "./kit.js";

const workspace = readFileSync(join(repository, "Cargo.toml"), "utf8");
const version = /^version = "(.*)"$/m.exec(workspace)?.[1] ?? "";
const command = join(project, "node_modules/.bin/whippy-mock");

function readJson(path: string) {
  return JSON.parse(readFileSync(path, "utf8"));
}

test("the packages have the version of the programs", () => {
  const names = ["whippy-mock", `@whippy-mock/${thisPlatform()}`];
  const manifests = names.map((name) =>
    join(project, "node_modules", name, "package.json"),
  );
  expect(manifests.map((path) => readJson(path).version)).toEqual([version, version]);
});

test("npx runs the binary of the platform's package", async () => {
  const { stdout, code } = await run("npx", ["whippy-mock", "--version"], { cwd: project });
  expect([stdout, code]).toEqual([`whippy-mock ${version}\n`, 0]);
});

test("the command passes arguments on, and ends as the binary does", async () => {
  const script = 'test -n "$WHIPPY_URL"; echo "$1"; exit 7';
  const args = ["exec", "--", "sh", "-c", script, "sh", "two words"];
  const { stdout, code } = await run(command, args, { cwd: project });
  expect([stdout, code]).toEqual(["two words\n", 7]);
});

test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
  "%s reaches the binary",
  async (signal) => {
    const env = { PATH: process.env["PATH"] };
    const child = spawn(command, ["--listen", "127.0.0.1:0"], {
      env,
      stdio: ["ignore", "pipe", "ignore"],
    });
    await once(child.stdout, "data");
    child.kill(signal);
    const [code, by] = await once(child, "exit");
    expect([code, by]).toEqual(signal === "SIGHUP" ? [null, "SIGHUP"] : [0, null]);
  },
);

test("a signal that ends the binary ends the command", async () => {
  const child = spawn(command, ["exec", "--", "sh", "-c", "kill -KILL $PPID"], {
    stdio: "ignore",
  });
  expect(await once(child, "exit")).toEqual([null, "SIGKILL"]);
});

test("a binary that cannot be run is named, with exit code 127", async () => {
  const place = directory({ broken: "not a program" });
  const runs = async (named: string) =>
    run(command, [], { cwd: place, env: { WHIPPY_MOCK_BINARY: named } });
  expect(await runs("no/such/file")).toEqual({
    code: 127,
    stdout: "",
    stderr: "whippy-mock: WHIPPY_MOCK_BINARY is `no/such/file`, which is not a file\n",
  });
  const { code, stderr } = await runs("broken");
  expect([code, stderr]).toEqual([127, expect.stringContaining("broken")]);
});

test("under exec a helper trusts its CA, and sends the token of its admin paths", async () => {
  const cwd = directory({
    "asks.mjs": `
import { Server, Whippy } from "whippy-mock";
const whippy = await Whippy.open(await Server.ofRun(), "a-world");
console.log(new URL(whippy.url).protocol, whippy.token === process.env.WHIPPY_TOKEN);`,
  });
  const args = ["exec", "--tls-self-signed", "--", process.execPath, "asks.mjs"];
  const env = { WHIPPY_MOCK_ADMIN_TOKEN: "secret-of-the-admin-paths" };
  const { stdout, stderr } = await run(command, args, { cwd, env });
  expect(stdout, stderr).toBe("https: true\n");
});

/** A registry with the packages of a release; the binaries of other platforms are empty. */
async function registry(): Promise<{ url: string; close(): void }> {
  const place = directory();
  for (const [platform, target] of Object.entries(PLATFORMS)) {
    const folder = join(place, "dist", `whippy-mock-${version}-${target}`);
    mkdirSync(folder, { recursive: true });
    const file = join(folder, binaryName(platform));
    if (platform === thisPlatform()) {
      copyFileSync(
        join(project, "node_modules/@whippy-mock", platform, "whippy-mock"),
        file,
      );
    } else {
      writeFileSync(file, "");
    }
  }
  const packed = join(place, "npm");
  const args = ["--all", "--binaries", join(place, "dist"), "--out", packed];
  const { code, stderr } = await run(join(repository, "clients/node/pack.mjs"), args, {
    cwd: place,
  });
  expect(code, stderr).toBe(0);
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "/").slice(1);
    const folder = path.replace("@whippy-mock/", "");
    if (path.endsWith(".tgz")) {
      response.end(readFileSync(join(packed, path)));
    } else if (readdirSync(packed).includes(folder)) {
      const manifest = readJson(join(packed, folder, "package.json"));
      const file = `${path.replace("@", "").replace("/", "-")}-${version}.tgz`;
      const dist = { tarball: `http://${request.headers.host}/${file}` };
      response.end(
        JSON.stringify({
          name: manifest.name,
          "dist-tags": { latest: version },
          versions: { [version]: { ...manifest, dist } },
        }),
      );
    } else {
      response.writeHead(404).end("{}");
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}

test("from a registry only the platform's binary is installed", async () => {
  const { url, close } = await registry();
  const cwd = directory({ "package.json": "{}" });
  const env = { npm_config_registry: url, npm_config_cache: join(cwd, "cache") };
  const installed = await run("npm", ["install", "--save-dev", "whippy-mock"], {
    cwd,
    env,
  });
  close();
  expect(installed.code, installed.stderr).toBe(0);
  const scope = join(cwd, "node_modules/@whippy-mock");
  expect(readdirSync(scope)).toEqual([thisPlatform()]);
  const { stdout } = await run("npx", ["whippy-mock", "--version"], { cwd });
  expect(stdout).toBe(`whippy-mock ${version}\n`);
});

test("a release is not packed if a platform has no binary", async () => {
  const [first = "", ...others] = Object.values(PLATFORMS);
  const binaries = directory({ [`whippy-mock-${version}-${first}/whippy-mock`]: "" });
  const out = directory();
  const args = ["--all", "--binaries", binaries, "--out", out];
  const { code, stderr } = await run(join(repository, "clients/node/pack.mjs"), args, {
    cwd: out,
  });
  const missing = [...stderr.matchAll(/there is no .*?-([a-z0-9_]+-[a-z0-9-]+)\/whippy/g)];
  expect([code, missing.map(([, target]) => target)]).toEqual([1, others]);
  expect(readdirSync(out)).toEqual([]);
});
