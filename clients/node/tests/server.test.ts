/** The process: started, stopped, and the message where that fails. */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { Server } from "whippy-mock";
import { binary, directory, isRunning } from "./kit.js";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

function program(script: string): string {
  return join(directory({ program: `#!/bin/sh\n${script}\n` }), "program");
}

test("a server listens when it has started, and is gone when it has stopped", async () => {
  const server = await Server.start(binary);
  expect(server.isOwn).toBe(true);
  expect(await server.admin.call("GET", "health")).toHaveProperty("version");
  await server.stop();
  expect(isRunning(server.pid ?? 0)).toBe(false);
  await expect(server.admin.call("GET", "health")).rejects.toThrow(
    /^GET http:\/\/127\.0\.0\.1:\d+\/__admin\/health was not answered: .*ECONNREFUSED/,
  );
});

test("the last words of a server that does not start are shown", async () => {
  const refused = Server.start(binary, ["--world", "nowhere"]);
  await expect(refused).rejects.toThrow(/did not start: it ended with 2; .*nowhere/s);
});

test("a first line that is not an address is shown", async () => {
  const refused = Server.start(program("echo Hello; exec sleep 60"));
  await expect(refused).rejects.toThrow(
    "its first line is `Hello` and not `Listening on http://…`; on standard error it said nothing",
  );
});

test("a program that cannot be run is named", async () => {
  await expect(Server.start("/no/such/program")).rejects.toThrow(
    /^\/no\/such\/program did not start: it cannot be run: .*ENOENT/,
  );
});

test("a server that says nothing is given up", async () => {
  const silent = program("exec sleep 60");
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const refused = expect(Server.start(silent)).rejects.toThrow(
    "said nothing for 20 seconds",
  );
  await vi.runAllTimersAsync();
  await refused;
});

test("a server that does not heed is ended by force", async () => {
  const deaf = program(
    "trap '' TERM; echo Listening on http://127.0.0.1:1; while :; do sleep 1; done",
  );
  const server = await Server.start(deaf);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const stopped = server.stop();
  await vi.runAllTimersAsync();
  await stopped;
  expect(isRunning(server.pid ?? 0)).toBe(false);
});

test("the tokens of the environment are not the server's", async () => {
  vi.stubEnv("WHIPPY_MOCK_ADMIN_TOKEN", "secret");
  vi.stubEnv("WHIPPY_MOCK_TOKEN", "another");
  const server = await Server.start(binary);
  expect(await server.admin.call("GET", "clock")).toHaveProperty("mode", "real");
  await server.stop();
});

test("a server that others started is used and not stopped", async () => {
  const theirs = await Server.start(binary);
  const server = Server.at(theirs.url, theirs.token);
  expect([server.url, server.isOwn, server.pid]).toEqual([theirs.url, false, undefined]);
  await server.stop();
  expect(isRunning(theirs.pid ?? 0)).toBe(true);
  await theirs.stop();
});

/** `Server`, as a process has it that begins with this address in its environment. */
async function serverUnder(url: string): Promise<typeof Server> {
  vi.stubEnv("WHIPPY_URL", url);
  vi.resetModules();
  return (await import("whippy-mock")).Server;
}

test.each([
  ["refuses", 404, '{"detail": "Not found."}'],
  ["answers with a page", 200, "<html>"],
  ["answers with other JSON", 200, '{"status": "up"}'],
  ["answers with nothing", 302, ""],
])("a service that %s is asked once without a token, and left alone", async (...given) => {
  const [, status, content] = given;
  const asked: unknown[] = [];
  const service = createServer(({ method, url, headers }, response) => {
    asked.push([method, url, headers.authorization]);
    response.writeHead(status).end(content);
  });
  await once(service.listen(0, "127.0.0.1"), "listening");
  const { port } = service.address() as AddressInfo;
  vi.stubEnv("WHIPPY_MOCK_ADMIN_TOKEN", "secret");
  const warned = vi.spyOn(console, "warn").mockReturnValue();
  const found = await (await serverUnder(`http://127.0.0.1:${port}/`)).given();
  service.close();
  expect(found).toBeUndefined();
  expect(asked).toEqual([["GET", "/__admin/health", undefined]]);
  expect(warned.mock.lastCall?.[0]).toContain(
    "which is not a whippy-mock; these tests start",
  );
});

test("a mock that WHIPPY_URL names is used", async () => {
  const theirs = await Server.start(binary);
  const found = await (await serverUnder(`${theirs.url}/`)).ofRun();
  expect([found.url, found.isOwn]).toEqual([theirs.url, false]);
  await theirs.stop();
});
