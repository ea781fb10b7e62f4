// A mock, a browser, and what the tests ask of both.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import http from 'node:http';
import { chromium } from 'playwright-core';

const BINARY = process.env.WHIPPY_MOCK_BINARY ?? fileURLToPath(new URL('../../../target/debug/whippy-mock', import.meta.url));
// What names the binary is no variable of the mock itself.
const { WHIPPY_MOCK_BINARY: _binary, ...MOCK_ENV } = process.env;
/** A folder whose files stand in for those of the binary, so that a change of the page needs no build. */
const PAGE = process.env.WHIPPY_PAGE;
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Nothing is asked of anybody but the mock. */
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'];

export const STOCKS = '/api/v1/stocks/';

/**
 * A mock on a free port, which ends with the test.
 * @param {import('node:test').TestContext} t
 * @param {string[]} args
 */
export async function startMock(t, args = []) {
  const child = spawn(BINARY, ['--listen=127.0.0.1:0', ...args], { stdio: ['ignore', 'pipe', 'inherit'], env: MOCK_ENV });
  const lines = createInterface(child.stdout);
  const url = await new Promise((resolve, reject) => {
    lines.once('line', (line) => resolve(line.replace('Listening on ', '')));
    child.once('exit', (code) => reject(new Error(`the mock ended with ${code}`)));
  });
  const stop = () => new Promise((resolve) => {
    if (child.exitCode !== null) return resolve(undefined);
    child.once('exit', resolve);
    child.kill('SIGKILL');
  });
  t.after(stop);
  return new Mock(url, child.pid, stop);
}

class Mock {
  constructor(url, pid, stop) {
    Object.assign(this, { url, pid, stop });
  }

  /** Sends a request; the status, the headers and the JSON or text of the answer. */
  async ask(method, path, body, headers = {}) {
    const response = await fetch(this.url + path, {
      method,
      headers: { Authorization: 'Token any', ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
      redirect: 'manual',
    });
    const text = await response.text();
    let json = null;
    try { json = JSON.parse(text); } catch { /* It is no JSON. */ }
    return { status: response.status, headers: response.headers, text, json };
  }

  get = (path, headers) => this.ask('GET', path, undefined, headers);
  post = (path, body, headers) => this.ask('POST', path, body, headers);
  put = (path, body, headers) => this.ask('PUT', path, body, headers);

  /** Sends bytes as they are; the raw answer. */
  raw(bytes) {
    const { hostname, port } = new URL(this.url);
    return import('node:net').then(({ connect }) => new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => socket.write(bytes));
      const parts = [];
      socket.on('data', (part) => parts.push(part));
      socket.on('end', () => resolve(Buffer.concat(parts).toString()));
      socket.on('error', reject);
    }));
  }

  /**
   * Keeps so many connections busy until `stop` is called; requests that were answered.
   * @param {number} connections
   */
  load(connections, path = STOCKS) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
    const { hostname, port } = new URL(this.url);
    let isOver = false;
    let answered = 0;
    const one = () => new Promise((resolve) => {
      const request = http.get({ hostname, port, path, agent, headers: { Authorization: 'Token any' } }, (response) => {
        response.resume();
        response.on('end', () => { answered += 1; resolve(undefined); });
      });
      request.on('error', resolve);
    });
    const done = Promise.all(Array.from({ length: connections }, async () => { while (!isOver) await one(); }));
    return {
      answered: () => answered,
      stop: async () => { isOver = true; await done; agent.destroy(); return answered; },
    };
  }
}

/** A browser for all tests of a file. */
export function launch() {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

/**
 * A page whose console, errors and requests are watched: nothing may be refused by the
 * policy, and nothing may be asked of another server.
 * @param {import('node:test').TestContext} t
 * @param {import('playwright-core').Browser} browser
 */
export async function openPage(t, browser, mock, path = '/__admin/', options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(`${error}`));
  page.on('console', (message) => {
    const isExpected = /status of (4|5)\d\d|ERR_(CONNECTION|EMPTY_RESPONSE|INCOMPLETE|INTERNET_DISCONNECTED)/.test(message.text());
    if (message.type() === 'error' && !isExpected) wrong.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(mock.url) && !/^(blob|data):/.test(request.url())) wrong.push(`asked ${request.url()}`);
  });
  page.on('dialog', (dialog) => { wrong.push(`a dialog: ${dialog.message()}`); void dialog.dismiss(); });
  await fromFolder(page);
  await page.goto(mock.url + path);
  return { page, wrong };
}

/**
 * Answers requests for files of the page with those of the folder, if one is given; the headers
 * remain the mock's.
 * @param {import('playwright-core').Page} page
 */
export async function fromFolder(page) {
  if (!PAGE) return;
  await page.route(/\/__admin\/ui\/[\w.-]+$/, async (route) => {
    const response = await route.fetch();
    const name = new URL(route.request().url()).pathname.split('/').pop();
    const path = name === 'shared.css' ? `${PAGE}/../engine/assets/${name}` : `${PAGE}/${name}`;
    await route.fulfill({ response, body: readFileSync(path) });
  });
}
