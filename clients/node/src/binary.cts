/**
 * The binary of whippy-mock: the one that is named, that of the platform's package, or the
 * one on the PATH. Nothing here starts it.
 */

import { closeSync, openSync, readSync, statSync } from "node:fs";
import { delimiter, dirname, isAbsolute, join, resolve } from "node:path";
import { WhippyError } from "./errors.cjs";

/** Variable that names a binary. It goes before all others. */
export const BINARY_VARIABLE = "WHIPPY_MOCK_BINARY";

/** Platforms that have a package with a binary, each with the Rust target of the binary. */
export const PLATFORMS = {
  "darwin-arm64": "aarch64-apple-darwin",
  "darwin-x64": "x86_64-apple-darwin",
  // Linked statically, so that one package is for glibc and musl.
  "linux-arm64": "aarch64-unknown-linux-musl",
  "linux-x64": "x86_64-unknown-linux-musl",
  "win32-x64": "x86_64-pc-windows-gnu",
} as const;

/** Name of the package with the binary for a platform. */
export function packageOf(platform: string): string {
  return `@whippy-mock/${platform}`;
}

/** File name of the binary on a platform. */
export function binaryName(platform: string): string {
  return platform.startsWith("win32-") ? "whippy-mock.exe" : "whippy-mock";
}

/** Name of this platform, as in `PLATFORMS`. */
export function thisPlatform(): string {
  return `${process.platform}-${process.arch}`;
}

/**
 * Path of the binary to run.
 *
 * @throws WhippyError with the places that were searched.
 */
export function findBinary(
  environment: NodeJS.ProcessEnv = process.env,
  platform: string = thisPlatform(),
): string {
  const named = environment[BINARY_VARIABLE];
  if (named) {
    const path = resolve(named);
    if (!isFile(path)) {
      throw new WhippyError(`${BINARY_VARIABLE} is \`${named}\`, which is not a file`);
    }
    return path;
  }
  const found = ofPackage(platform) ?? onPath(environment, platform);
  if (found === undefined) {
    throw new WhippyError(notFound(platform));
  }
  return found;
}

function notFound(platform: string): string {
  const remedy = `put a whippy-mock on the PATH, or name one with ${BINARY_VARIABLE}`;
  if (platform in PLATFORMS) {
    return (
      `the package ${packageOf(platform)}, which has the binary for this platform, is not ` +
      "installed, and there is no whippy-mock on the PATH; install again without " +
      `--omit=optional, on the platform where the tests run, or ${remedy}`
    );
  }
  const platforms = Object.keys(PLATFORMS).join(", ");
  return (
    `no package has a binary for ${platform}, only for ${platforms}, and there is no ` +
    `whippy-mock on the PATH; build one from its sources, then ${remedy}`
  );
}

function ofPackage(platform: string): string | undefined {
  try {
    const manifest = require.resolve(`${packageOf(platform)}/package.json`);
    const path = join(dirname(manifest), binaryName(platform));
    return isFile(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

function onPath(environment: NodeJS.ProcessEnv, platform: string): string | undefined {
  return (environment["PATH"] ?? "")
    .split(delimiter)
    .filter(isAbsolute)
    .map((directory) => join(directory, binaryName(platform)))
    .find((path) => isFile(path) && !isScript(path));
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/**
 * Tells a launcher from a binary. npm puts the launcher of this package on the PATH by the
 * name of the binary, and it would start itself without end.
 */
function isScript(path: string): boolean {
  const start = Buffer.alloc(2);
  try {
    const file = openSync(path, "r");
    try {
      readSync(file, start, 0, 2, 0);
    } finally {
      closeSync(file);
    }
  } catch {
    // Unreadable, and still it may be possible to run it.
    return false;
  }
  return start.toString("latin1") === "#!";
}
