/**
 * Global setup of Vitest and Jest: one server for all files of a run.
 *
 * Without it each file has a server of its own.
 */

import { Server } from "./server.js";

let running: Server | undefined;

/**
 * Starts the server, unless `WHIPPY_URL` names a mock, and leaves its address in the
 * environment of the workers.
 *
 * @returns the teardown, which Vitest calls. Jest does not: there the server ends with the
 * process.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const server = await Server.ofRun();
  if (server.isOwn) {
    running = server;
    process.env["WHIPPY_URL"] = server.url;
    process.env["WHIPPY_TOKEN"] = server.token;
  }
  return teardown;
}

async function teardown(): Promise<void> {
  if (running !== undefined) {
    delete process.env["WHIPPY_URL"];
    delete process.env["WHIPPY_TOKEN"];
    await running.stop();
    running = undefined;
  }
}
