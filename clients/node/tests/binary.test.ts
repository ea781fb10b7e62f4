/** The binary: where it is looked for. */

import { mkdirSync, symlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { expect, test } from "vitest";
import { findBinary } from "whippy-mock";
import { directory } from "./kit.js";

const ELF = "\u007fELF";

test("a binary that is named goes before one on the PATH", () => {
  const place = directory({ "named/mine": ELF, "path/whippy-mock": ELF });
  const PATH = join(place, "path");
  const named = join(place, "named/mine");
  expect(findBinary({ WHIPPY_MOCK_BINARY: named, PATH })).toBe(named);
  expect(findBinary({ WHIPPY_MOCK_BINARY: relative(process.cwd(), named) })).toBe(named);
  expect(findBinary({ WHIPPY_MOCK_BINARY: "", PATH })).toBe(join(PATH, "whippy-mock"));
});

test("a name that is not a file's is refused", () => {
  expect(() => findBinary({ WHIPPY_MOCK_BINARY: "no/such/file" })).toThrow(
    "WHIPPY_MOCK_BINARY is `no/such/file`, which is not a file",
  );
});

test("a launcher on the PATH is not taken for the binary", () => {
  const place = directory({
    "launcher.cjs": "#!/usr/bin/env node\n",
    "shim/whippy-mock": "#!/bin/sh\n",
    "path/whippy-mock": ELF,
  });
  mkdirSync(join(place, "link"));
  symlinkSync("../launcher.cjs", join(place, "link/whippy-mock"));
  const PATH = ["link", "shim", "none", "path"].map((name) => join(place, name)).join(":");
  expect(findBinary({ PATH })).toBe(join(place, "path/whippy-mock"));
});

test("without a binary the package that is missing is named", () => {
  expect(() => findBinary({ PATH: "/nowhere" }, "darwin-arm64")).toThrow(
    /^the package @whippy-mock\/darwin-arm64, .* is not installed, .* --omit=optional, .* WHIPPY_MOCK_BINARY$/,
  );
});

test("on a platform that has no package those that have one are named", () => {
  expect(() => findBinary({ PATH: "" }, "freebsd-x64")).toThrow(
    /^no package has a binary for freebsd-x64, only for darwin-arm64, .*, win32-x64, .* sources/,
  );
});

test("on Windows the binary has the name of a program", () => {
  const place = directory({ "whippy-mock": ELF, "whippy-mock.exe": "MZ" });
  expect(findBinary({ PATH: place }, "win32-arm64")).toBe(join(place, "whippy-mock.exe"));
});
