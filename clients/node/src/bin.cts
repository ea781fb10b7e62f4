#!/usr/bin/env node
/** `whippy-mock`: runs the binary with the same arguments, streams, signals and exit code. */

import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { findBinary } from "./binary.cjs";

/** Exit code for a command that cannot be run, as shells have it. */
const NOT_RUN = 127;

const SIGNALS = ["SIGHUP", "SIGINT", "SIGTERM"] as const;

function main(): void {
  let binary: string;
  try {
    binary = findBinary();
  } catch (error) {
    refuse(error);
    return;
  }
  let child: ChildProcess | undefined;
  // Before the binary is there: it may be known to run before a line after `spawn` does.
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      // An interrupt from the keyboard has reached the binary too. A second one would have
      // it stop at once, and not when all requests are answered.
      if (signal !== "SIGINT" || !hasTerminal()) {
        child?.kill(signal);
      }
    });
  }
  child = spawn(binary, process.argv.slice(2), { stdio: "inherit" });
  child.on("error", refuse);
  child.on("exit", (code, signal) => {
    if (signal === null) {
      process.exitCode = code ?? NOT_RUN;
      return;
    }
    for (const handled of SIGNALS) {
      process.removeAllListeners(handled);
    }
    process.kill(process.pid, signal);
  });
}

function hasTerminal(): boolean {
  return process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
}

function refuse(error: unknown): void {
  console.error(`whippy-mock: ${error instanceof Error ? error.message : error}`);
  process.exitCode = NOT_RUN;
}

main();
