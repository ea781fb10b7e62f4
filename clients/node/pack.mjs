#!/usr/bin/env node
/**
 * Assembles the npm packages: one for each platform whose binary is there, and
 * `whippy-mock`, which has those as optional dependencies. Publishes nothing.
 *
 *     clients/node/build
 *     clients/node/pack.mjs [--binaries target/dist | --binary FILE] [--all] [--out target/npm]
 *
 * The binary for a platform is `BINARIES/whippy-mock-VERSION-TARGET/whippy-mock`;
 * `src/binary.cts` has the targets. With `--all` it is an error if a platform has none. With
 * `--binary` that one is packed, for this platform.
 */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = dirname(fileURLToPath(import.meta.url));
const repository = resolve(here, "../..");
const compiled = join(repository, "target/node/dist");
const manifest = { ...readJson(join(here, "package.json")), version: workspaceVersion() };

const { PLATFORMS, binaryName, packageOf, thisPlatform } = await import(
  join(compiled, "binary.cjs")
);

function main() {
  const { values } = parseArgs({
    options: {
      binaries: { type: "string", default: join(repository, "target/dist") },
      binary: { type: "string" },
      all: { type: "boolean", default: false },
      out: { type: "string", default: join(repository, "target/npm") },
    },
  });
  const candidates = values.binary
    ? [[thisPlatform(), resolve(values.binary)]]
    : binariesIn(resolve(values.binaries));
  const found = candidates.filter(isThere);
  if (found.length === 0 || (values.all && found.length < candidates.length)) {
    console.error("nothing is packed: build the binaries, or name others");
    process.exit(1);
  }
  const out = resolve(values.out);
  for (const [platform, binary] of found) {
    packPlatform(out, platform, binary);
  }
  packMain(
    out,
    found.map(([platform]) => platform),
  );
}

function binariesIn(folder) {
  return Object.entries(PLATFORMS).map(([platform, target]) => [
    platform,
    join(folder, `whippy-mock-${manifest.version}-${target}`, binaryName(platform)),
  ]);
}

function isThere([platform, binary]) {
  const is = existsSync(binary);
  if (!is) {
    console.error(`${platform}: there is no ${binary}`);
  }
  return is;
}

function packPlatform(out, platform, binary) {
  const name = packageOf(platform);
  const folder = join(out, platform);
  const [os, cpu] = platform.split("-");
  begin(folder, {
    ...shared(name),
    description: `The binary of whippy-mock for ${platform}`,
    os: [os],
    cpu: [cpu],
    files: [binaryName(platform)],
  });
  const copy = join(folder, binaryName(platform));
  copyFileSync(binary, copy);
  chmodSync(copy, 0o755);
  writeFileSync(
    join(folder, "README.md"),
    `# ${name}\n\n${readJson(join(folder, "package.json")).description}, ` +
      "installed by the package `whippy-mock`.\n",
  );
  pack(out, folder);
}

function packMain(out, platforms) {
  const folder = join(out, "whippy-mock");
  const { devDependencies: _, ...published } = manifest;
  begin(folder, {
    ...published,
    files: ["dist"],
    optionalDependencies: Object.fromEntries(
      platforms.map((platform) => [packageOf(platform), manifest.version]),
    ),
  });
  cpSync(compiled, join(folder, "dist"), { recursive: true });
  copyFileSync(join(here, "README.md"), join(folder, "README.md"));
  pack(out, folder);
}

function shared(name) {
  return { name, version: manifest.version, license: manifest.license };
}

function begin(folder, content) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(content, null, 2)}\n`);
  copyFileSync(join(repository, "LICENSE"), join(folder, "LICENSE"));
}

function pack(out, folder) {
  const said = execFileSync("npm", ["pack", "--json", "--pack-destination", out, folder], {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
  });
  const { filename } = [JSON.parse(said)].flat()[0];
  const digest = createHash("sha256")
    .update(readFileSync(join(out, filename)))
    .digest("hex");
  console.log(`${digest}  ${filename}`);
}

/** The version of the workspace, which is that of the programs too. */
function workspaceVersion() {
  const workspace = readFileSync(join(repository, "Cargo.toml"), "utf8");
  return /^version = "(.*)"$/m.exec(workspace)[1];
}

function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}

main();
