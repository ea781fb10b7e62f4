// The page under 5,000 requests a second: its cost to the server, its memory, and the time until
// an exchange is open. The page is open and closed in turn. Prints a table of docs/benchmarks.md.
// WHIPPY_MOCK_BINARY should name a release build.

import { readFileSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { STOCKS, launch, openPage, startMock } from './support.mjs';

const ROUNDS = 11;
const SECONDS = 4;
const BURST = 50;
const TURN = 10;

/** Processor time of a process so far, milliseconds. */
function ran(pid) {
  const threads = readdirSync(`/proc/${pid}/task`);
  const nanos = threads.map((thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]));
  return nanos.reduce((sum, one) => sum + one, 0) / 1e6;
}

/** Sends bursts of requests over one connection; how many were sent. */
async function load(mock, seconds) {
  const { hostname, port } = new URL(mock.url);
  const socket = connect(Number(port), hostname);
  socket.resume();
  const request = `GET ${STOCKS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token any\r\n\r\n`.repeat(BURST);
  const began = performance.now();
  let sent = 0;
  for (let turn = 0; turn < (seconds * 1000) / TURN; turn += 1) {
    const wait = turn * TURN - (performance.now() - began);
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    socket.write(request);
    sent += BURST;
  }
  socket.destroy();
  return sent;
}

/** Processor time of the server for a request, microseconds. */
async function costs(mock, seconds) {
  const before = ran(mock.pid);
  const sent = await load(mock, seconds);
  return ((ran(mock.pid) - before) / sent) * 1000;
}

/** @param {number[]} values */
function middle(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

const endings = [];
const t = { after: (end) => endings.push(end) };
const mock = await startMock(t);
const browser = await launch();
try {
  const { page } = await openPage(t, browser, mock, '/__admin/#/traffic');
  const session = await page.context().newCDPSession(page);
  const [open, shut, ratios, opened, heaps] = [[], [], [], [], []];
  let told = '';
  await costs(mock, 2);
  for (let round = 0; round < ROUNDS; round += 1) {
    await page.goto(`${mock.url}/__admin/#/traffic`);
    await page.locator('.lines tbody tr').first().waitFor();
    const running = costs(mock, SECONDS);
    await page.waitForTimeout((SECONDS * 1000) / 2);
    const began = performance.now();
    await page.locator('.lines .asked a').first().evaluate((link) => link.click());
    await page.locator('.exchange').waitFor();
    opened.push(performance.now() - began);
    open.push(await running);
    told = await page.locator('.counts').textContent() ?? '';
    await session.send('HeapProfiler.collectGarbage');
    heaps.push((await session.send('Runtime.getHeapUsage')).usedSize / 1024 / 1024);
    await page.goto('about:blank');
    shut.push(await costs(mock, SECONDS));
    ratios.push(open[round] / shut[round]);
  }
  const spread = (values, digits) => `${middle(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`;
  console.log('| what | measured |\n|---|---|');
  console.log(`| the server, µs of processor a request, page open | ${spread(open, 1)} |`);
  console.log(`| the same, page closed | ${spread(shut, 1)} |`);
  console.log(`| open over closed, round by round | ${spread(ratios, 3)} |`);
  console.log(`| an exchange opens within, ms | ${spread(opened, 0)} |`);
  console.log(`| heap of the tab, MiB | ${spread(heaps, 1)} |`);
  console.log(`| the page says | ${told} |`);
} finally {
  await browser.close();
  for (const end of endings) await end();
}
