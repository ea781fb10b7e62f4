// The live page in a real browser: each view's main path, and what must never happen.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { STOCKS, launch, openPage, startMock } from './support.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RESERVE = `${STOCKS}increase_reserved_stock/`;
const SKU = '555AB1300456213004';
const BOUGHT = { sku: SKU, location: '110' };
const NEW = { sku: '500', provider: 'shop_provider', location: '110', stock: 7 };

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

/** A mock and the page, whose misfortunes fail the test. */
async function start(t, { args, path, options, seed } = {}) {
  const mock = await startMock(t, args);
  await seed?.(mock);
  const { page, wrong } = await openPage(t, browser, mock, path, options);
  t.after(() => assert.deepEqual(wrong, []));
  return { mock, page };
}

/** Some traffic of each kind. */
async function seed(mock, world = '') {
  await mock.get(`${world}${STOCKS}?stock_gt=4`);
  await mock.post(`${world}${STOCKS}`, NEW);
  await mock.post(`${world}${STOCKS}`, {});
  await mock.post(`${world}${RESERVE}`, BOUGHT);
}

const rows = (page) => page.locator('.lines tbody tr');

// The way in.

test('a browser that opens the root is led to the page', async (t) => {
  const { page, mock } = await start(t, { path: '/' });
  await page.getByRole('heading', { name: 'Traffic' }).waitFor();
  assert.ok(page.url().startsWith(`${mock.url}/__admin/`));
});

test('the page of a path of a world is about that world', async (t) => {
  const { page } = await start(t, { path: '/worlds/checkout/__admin/', seed: (mock) => mock.get(`/worlds/checkout${STOCKS}`) });
  await rows(page).first().waitFor();
  assert.equal(await page.locator('#world').inputValue(), 'checkout');
});

// Traffic.

test('exchanges appear as they happen, the newest first', async (t) => {
  const { mock, page } = await start(t);
  await page.getByText('No exchange yet').waitFor();
  await page.getByText('live').waitFor();
  await mock.get(STOCKS);
  await mock.post(RESERVE, BOUGHT);
  await page.locator('.lines tbody tr:nth-child(2)').waitFor();
  const texts = await rows(page).allInnerTexts();
  assert.match(texts[0], /POST.*increase_reserved_stock[\s\S]*201[\s\S]*increased[\s\S]*documented[\s\S]*write/);
  assert.match(texts[1], /GET.*stocks/);
});

test('an exchange that the journal has dropped opens from the tab', async (t) => {
  const { mock, page } = await start(t, { args: ['--journal=1'] });
  await page.getByText('live').waitFor();
  for (const limit of [1, 2, 3]) await mock.get(`${STOCKS}?limit=${limit}`);
  await page.locator('.lines tbody tr:nth-child(3)').waitFor();
  await page.locator('.lines .asked a').last().click();
  await page.locator('.exchange .target', { hasText: 'limit=1' }).waitFor();
  await page.getByText('The journal has dropped this exchange').waitFor();
});

test('after an interruption the list goes on without a gap', async (t) => {
  const { mock, page } = await start(t, { seed: (mock) => mock.get(STOCKS) });
  await page.getByText('live').waitFor();
  await page.context().setOffline(true);
  // A stream that is open outlives the setting, so that it is what ends.
  await page.evaluate(() => window.stop());
  for (let at = 0; at < 20; at += 1) await mock.get(`${STOCKS}?page=${at}`);
  await page.context().setOffline(false);
  await page.locator('.lines tbody tr:nth-child(21)').waitFor();
  assert.equal(await rows(page).count(), 21);
});

test('exchanges are filtered by operation, status and text', async (t) => {
  const { page } = await start(t, { seed });
  await rows(page).nth(3).waitFor();
  await page.getByLabel('Text').fill('stock_gt');
  await page.waitForFunction(() => document.querySelectorAll('.lines tbody tr').length === 1);
  await page.getByLabel('Text').fill('');
  await page.getByRole('combobox', { name: 'Status' }).selectOption('4xx');
  await page.waitForFunction(() => document.querySelectorAll('.lines tbody tr').length === 1);
  await page.getByRole('combobox', { name: 'Status' }).selectOption('');
  await page.getByRole('combobox', { name: 'Operation' }).selectOption('create-stock');
  await page.waitForFunction(() => document.querySelectorAll('.lines tbody tr').length === 2);
  assert.match(page.url(), /operation=create-stock/);
});

test('an opened exchange shows why it was answered so, what it changed, and its command', async (t) => {
  const { page } = await start(t, { seed });
  await page.getByRole('link', { name: /increase_reserved_stock/ }).click();
  const detail = page.locator('.detail');
  await detail.getByRole('heading', { name: 'Changed in the world' }).waitFor();
  const text = await detail.innerText();
  assert.match(text, /Decided by\s+increased\s+documented/);
  assert.match(text, /reserved_stock\s+0\s+1/);
  assert.match(text, /undated-reservation/);
  assert.match(text, /curl 'http:[^']*increase_reserved_stock\/'/);
  assert.match(text, /-H 'authorization: Token any'/);
});

test('the command of an exchange does the same again', async (t) => {
  const { mock, page } = await start(t);
  const sku = `it's "so" $HOME \\ \u0007 \u{1f600}`;
  await mock.post(STOCKS, { ...NEW, sku });
  await page.getByRole('link', { name: /POST/ }).click();
  const command = await page.locator('.detail .part').last().locator('pre').innerText();
  const { execFileSync } = await import('node:child_process');
  const answer = execFileSync('bash', ['-c', `${command} --silent`]).toString();
  assert.deepEqual(JSON.parse(answer), { stock_exists_error: 'Stock already exists.' });
});

test('what a client sends is text and nothing else', async (t) => {
  const planted = '<script>document.title = "owned"</script><img src=x onerror=alert(1)>';
  const { mock, page } = await start(t);
  await mock.post(STOCKS, { ...NEW, sku: planted.slice(0, 60) });
  await mock.post(STOCKS, `{"sku": "\u001b[31mred\u001b[0m \u202eevil\u2066"}`);
  await mock.post(STOCKS, { ...NEW, sku: '\u05e9\u05dc\u05d5\u05dd \u0639\u0631\u0628\u064a' });
  await mock.get(`${STOCKS}?${encodeURIComponent(planted)}=1&a=%1b%5b31m`, { 'X-Planted': planted });
  await mock.raw(`GET ${STOCKS}?<script>alert(1)</script> HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Token x\r\n\r\n`);
  await rows(page).nth(3).waitFor();
  for (let at = 0; at < await rows(page).count(); at += 1) {
    await rows(page).nth(at).getByRole('link').click();
    await page.locator('.detail .exchange').waitFor();
  }
  for (const view of ['world', 'client', 'faults']) {
    await page.goto(`${mock.url}/__admin/#/${view}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
  }
  await page.goto(`${mock.url}/__admin/#/traffic`);
  await rows(page).nth(3).waitFor();
  await page.getByLabel('Text').fill('red');
  await page.waitForFunction(() => document.querySelectorAll('.lines tbody tr').length === 1);
  await rows(page).first().getByRole('link').click();
  const body = await page.locator('.detail pre').first().innerText();
  assert.match(body, /\u241b\[31mred\u241b\[0m \u27e6U\+202E\u27e7evil\u27e6U\+2066\u27e7/);
  const shown = await page.locator('body').innerText();
  for (const active of ['\u001b', '\u202e', '\u2066']) assert.ok(!shown.includes(active));
  assert.equal(await page.locator('main script, main img').count(), 0);
  assert.ok((await page.title()).includes('whippy-mock'));
});

test('a body of a mebibyte is shown in part, and whole when asked', async (t) => {
  const { mock, page } = await start(t, { args: ['--journal-body=2097152'] });
  await mock.post(STOCKS, { ...NEW, sku: 'x'.repeat(1024 * 1024) });
  await rows(page).first().getByRole('link').click();
  const block = page.locator('.detail pre').first();
  await block.waitFor();
  assert.ok((await block.evaluate((element) => element.textContent?.length)) <= 64 * 1024);
  await page.getByRole('button', { name: /Show all 1,048,\d+ characters/ }).first().click();
  assert.ok((await block.evaluate((element) => element.textContent?.length)) > 1024 * 1024);
});

test('under load the rows have a bound, and what is left out is counted', async (t) => {
  const { mock, page } = await start(t);
  await page.getByText('live').waitFor();
  const load = mock.load(16);
  t.after(load.stop);
  await page.waitForFunction(() => /([\d,]+) skipped/.test(document.querySelector('.counts')?.textContent ?? ''));
  await page.getByLabel('Text').fill('stocks');
  while (load.answered() < 5000) await new Promise((resolve) => setTimeout(resolve, 20));
  const sent = await load.stop();
  const counted = (least) => {
    const text = document.querySelector('.counts')?.textContent ?? '';
    const counts = [/([\d,]+) exchanges?/, /([\d,]+) skipped/, /([\d,]+) older/].map((pattern) => Number((pattern.exec(text)?.[1] ?? '0').replaceAll(',', '')));
    const sum = counts.reduce((sum, count) => sum + count, 0);
    return sum >= least && sum;
  };
  const seen = await page.waitForFunction(counted, sent);
  assert.equal(await seen.jsonValue(), sent);
  assert.ok(await rows(page).count() <= 200);
});

test('an exchange with findings is marked in the list, and a filter keeps the marked ones', async (t) => {
  const { page } = await start(t, { seed });
  await rows(page).filter({ hasText: 'stock_gt=4' }).getByText('1 warning', { exact: true }).waitFor();
  await rows(page).filter({ hasText: 'increase_reserved_stock' }).getByText('1 note', { exact: true }).waitFor();
  assert.equal(await rows(page).filter({ hasText: /warning|error|note/ }).count(), 2);
  await page.getByRole('combobox', { name: 'Findings' }).selectOption('with findings');
  await page.waitForFunction(() => document.querySelectorAll('.lines tbody tr').length === 2);
  await page.getByRole('combobox', { name: 'Findings' }).selectOption('warnings and errors');
  await page.waitForFunction(() => document.querySelectorAll('.lines tbody tr').length === 1);
  assert.match(page.url(), /findings=warning/);
  await page.reload();
  await page.waitForFunction(() => document.querySelectorAll('.lines tbody tr').length === 1);
});

test('an opened exchange shows its findings before its bodies', async (t) => {
  const { page } = await start(t, { path: '/__admin/#/traffic/1', seed });
  await page.locator('.exchange .finding').waitFor();
  await page.getByText('Decided by').waitFor();
  const parts = await page.locator('.exchange .part > h3').allInnerTexts();
  assert.deepEqual(parts, ['Decided by', 'Findings about the client', 'Request', 'Answer', 'As a command']);
});

test('the journal is cleared after a question alone', async (t) => {
  const { mock, page } = await start(t, { seed });
  const count = async () => (await mock.get('/__admin/requests')).json.count;
  const clear = page.getByRole('button', { name: 'Clear journal' });
  await clear.click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  assert.equal(await count(), 4);
  await clear.click();
  await page.getByRole('dialog').getByRole('button', { name: 'Clear' }).click();
  await page.getByText('The journal of all worlds is empty.').waitFor();
  assert.equal(await count(), 0);
});

test('the list stays beside what is opened', async (t) => {
  const { page } = await start(t, { path: '/__admin/#/traffic/4', seed });
  await page.locator('.detail .exchange').waitFor();
  const [list, table] = await page.evaluate(() => ['.list', '.lines'].map((name) => document.querySelector(name)?.getBoundingClientRect().right ?? NaN));
  assert.ok(table <= list, `${table} > ${list}`);
});

// World.

test('the amounts stand beside the SKU', async (t) => {
  const { page } = await start(t, { path: '/__admin/#/world' });
  await page.locator('.grid tbody tr').first().waitFor();
  const names = await page.locator('.grid thead th').allInnerTexts();
  const sku = names.indexOf('sku');
  assert.deepEqual(names.slice(sku, sku + 3), ['sku', 'stock', 'reserved_stock']);
});

test('the table of stocks is what the API answers to the address that is shown', async (t) => {
  const { page } = await start(t, { args: ['--world=demo'], path: '/__admin/#/world' });
  await page.getByText('Page 1, 330 in all').waitFor();
  await page.getByRole('spinbutton', { name: 'stock__gte', exact: true }).fill('50');
  await page.getByRole('spinbutton', { name: 'stock__gte', exact: true }).press('Tab');
  await page.getByRole('columnheader', { name: 'stock', exact: true }).getByRole('button').click();
  await page.waitForFunction(() => /stock__gte=50&sort=stock/.test(document.querySelector('.address')?.textContent ?? ''));
  const address = (await page.locator('.address code').innerText()).replace('GET ', '');
  const answer = await (await fetch(address, { headers: { Authorization: 'Token any' } })).json();
  await page.getByText(`Page 1, ${answer.count} in all`).waitFor();
  const ids = await page.locator('.grid tbody tr td:last-child').allInnerTexts();
  assert.deepEqual(ids.map(Number), answer.results.map((row) => row.id));
});

test('looking at a world leaves no trace in traffic and findings', async (t) => {
  const { mock, page } = await start(t, { path: '/__admin/#/world' });
  await page.getByText('Page 1, 3 in all').waitFor();
  assert.equal((await mock.get('/__admin/requests')).json.count, 0);
  assert.equal((await mock.get('/__admin/coverage')).json.worlds[0].coverage.requests, 0);
});

test('a stock is edited and added by the rules of the API', async (t) => {
  const { mock, page } = await start(t, { path: '/__admin/#/world' });
  await page.getByRole('button', { name: 'Edit the stock 2' }).click();
  await page.getByRole('dialog').getByRole('spinbutton', { name: 'stock', exact: true }).fill('41');
  await page.getByRole('dialog').getByLabel('is_active').uncheck();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('The stock 2 is changed.').waitFor();
  const [stock] = (await mock.get(STOCKS)).json.results;
  assert.deepEqual([stock.stock, stock.is_active], [41, false]);

  await page.getByRole('button', { name: 'Add a stock' }).click();
  for (const [name, value] of [['sku', '500'], ['provider', 'shop_provider'], ['location', 'nowhere'], ['stock', '3']]) {
    await page.getByRole('dialog').getByLabel(name, { exact: true }).fill(value);
  }
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByText(/The API answers 400.*Location does not belong to provider/).waitFor();
  assert.equal((await mock.get(STOCKS)).json.count, 3);
});

test('the slider shows the world after an earlier write, and what the next one changes', async (t) => {
  const { page } = await start(t, { path: '/__admin/#/world', seed });
  await page.getByText('Page 1, 4 in all').waitFor();
  await page.getByRole('slider', { name: 'Time line' }).focus();
  await page.keyboard.press('Home');
  await page.getByText('Page 1, 3 in all').waitFor();
  await page.getByText('What write 1 then changes').waitFor();
  assert.match(await page.locator('.timeline').innerText(), /added stock 500/);
  assert.match(page.url(), /at=0/);
  assert.equal(await page.getByRole('button', { name: /Edit the stock/ }).count(), 0);
  await page.getByRole('button', { name: 'Later' }).click();
  await page.getByText('Page 1, 4 in all').waitFor();
  await page.locator('.timeline .diff').getByText('reserved_stock').waitFor();
  await page.getByRole('button', { name: 'Now', exact: true }).click();
  await page.getByRole('button', { name: 'Edit the stock 2' }).waitFor();
});

test('a write by a client shows up in the table', async (t) => {
  const { mock, page } = await start(t, { path: '/__admin/#/world' });
  await page.getByText('Page 1, 3 in all').waitFor();
  await mock.post(STOCKS, NEW);
  await page.getByText('Page 1, 4 in all').waitFor();
});

test('a world is forked, reset, exported, imported and dropped', async (t) => {
  const { mock, page } = await start(t, { path: '/__admin/#/world', seed: (mock) => mock.post(STOCKS, NEW) });
  await page.getByRole('button', { name: 'Fork' }).click();
  await page.getByLabel('Name of the fork').fill('copy');
  await page.getByRole('dialog').getByRole('button', { name: 'Fork' }).click();
  await page.getByRole('heading', { name: 'World copy' }).waitFor();
  await page.getByText('Page 1, 4 in all').waitFor();

  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export' }).click()]);
  const file = await download.path();
  assert.equal(JSON.parse(readFileSync(file, 'utf8')).stocks.length, 4);

  await page.getByRole('button', { name: 'Reset' }).click();
  await page.getByLabel('State').selectOption('empty');
  await page.getByRole('dialog').getByRole('button', { name: 'Reset' }).click();
  await page.getByText('Page 1, 0 in all').waitFor();

  await page.getByRole('button', { name: 'Import' }).click();
  await page.getByLabel('File').setInputFiles(file);
  await page.getByRole('dialog').getByRole('button', { name: 'Import' }).click();
  await page.getByText('Page 1, 4 in all').waitFor();

  await page.getByRole('button', { name: 'Drop' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Drop' }).click();
  await page.getByRole('heading', { name: 'World default' }).waitFor();
  assert.equal((await mock.get('/__admin/worlds')).json.worlds.length, 1);
});

test('places and lists are shown and added', async (t) => {
  const { mock, page } = await start(t, { path: '/__admin/#/world/providers' });
  await page.getByText('shop_provider').first().waitFor();
  await page.getByRole('button', { name: 'Add a provider' }).click();
  await page.getByRole('dialog').getByLabel('name').fill('acme');
  await page.getByRole('dialog').getByLabel('code').fill('acme');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('cell', { name: 'acme' }).first().waitFor();
  const { results } = (await mock.get('/api/v1/providers/')).json;
  assert.ok(results.some(({ name }) => name === 'acme'));
});

// Client.

test('findings say what was meant, and the picture tells what was met', async (t) => {
  const { page } = await start(t, { path: '/__admin/#/client', seed });
  await page.getByText('unknown-parameter').waitFor();
  const finding = await page.locator('.finding', { hasText: 'unknown-parameter' }).innerText();
  assert.match(finding, /Sent\s+stock_gt=4\s+Meant\s+stock__gt/);
  assert.match(await page.locator('.coverage').innerText(), /\d of the 19 documented responses met/);
  assert.equal(await page.locator('.tiles li').count(), 19);
  assert.equal(await page.locator('.tiles .met').count(), await page.locator('.tiles li', { hasText: '\u00d7' }).count());
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Report as JUnit' }).click()]);
  assert.match(readFileSync(await download.path(), 'utf8'), /<testsuites/);
});

test('findings stand before the coverage', async (t) => {
  const { page } = await start(t, { path: '/__admin/#/client', seed });
  await page.getByText('unknown-parameter').waitFor();
  const tops = await page.evaluate(() => ['.finding', '.coverage'].map((name) => document.querySelector(name)?.getBoundingClientRect().top ?? NaN));
  assert.ok(tops[0] < tops[1], `${tops}`);
});

test('findings are cleared after a question alone', async (t) => {
  const { mock, page } = await start(t, { path: '/__admin/#/client', seed });
  const count = async () => (await mock.get('/__admin/findings')).json.worlds.flatMap(({ findings }) => findings).length;
  await page.getByRole('button', { name: 'Clear findings' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  assert.equal(await count(), 2);
  await page.getByRole('button', { name: 'Clear findings' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Clear' }).click();
  await page.getByText('Nothing so far').waitFor();
  assert.equal(await count(), 0);
});

// Faults.

test('a built-in file of faults is switched on and off', async (t) => {
  const { mock, page } = await start(t, { path: '/__admin/#/faults' });
  const maintenance = page.getByRole('switch', { name: 'maintenance', exact: true });
  await maintenance.click();
  await page.getByText('maintenance is in force.').waitFor();
  assert.equal((await mock.get(STOCKS)).status, 503);
  await page.getByRole('table').getByText('503').waitFor();
  await maintenance.click();
  await page.getByText('maintenance is over.').waitFor();
  assert.equal((await mock.get(STOCKS)).status, 200);
});

test('a rule of the form fires, is switched off, and on again', async (t) => {
  const { mock, page } = await start(t, { path: '/__admin/#/faults/new' });
  await page.getByLabel('Name').fill('slow-down');
  await page.getByLabel('status', { exact: true }).fill('429');
  await page.getByRole('combobox', { name: 'Operation' }).selectOption('list-stocks');
  await page.getByRole('button', { name: 'Put in force' }).click();
  const rule = page.getByRole('switch', { name: 'slow-down' });
  await rule.waitFor();
  assert.equal((await mock.get(STOCKS)).status, 429);
  await page.getByText('matched 1, fired 1').waitFor();
  await rule.click();
  await page.getByText('slow-down is off.').waitFor();
  assert.equal((await mock.get(STOCKS)).status, 200);
  await rule.click();
  await page.getByText('slow-down is on.').waitFor();
  assert.equal((await mock.get(STOCKS)).status, 429);
});

test('what went wrong in an exchange happens again by a click', async (t) => {
  const { mock, page } = await start(t);
  const lost = { name: 'busy', match: { operation: 'list-stocks' }, fault: { kind: 'status', status: 503 }, times: 1 };
  await mock.put('/__admin/faults?world=default', { rules: [lost] });
  assert.equal((await mock.get(STOCKS)).status, 503);
  assert.equal((await mock.get(STOCKS)).status, 200);
  await page.getByRole('row').filter({ hasText: 'busy' }).getByRole('link').click();
  await page.getByRole('button', { name: 'Repeat this fault' }).click();
  await page.getByRole('button', { name: 'Add the rule' }).click();
  await page.getByText(/again-1: The next list-stocks meets status/).waitFor();
  assert.equal((await mock.get(STOCKS)).status, 503);
  assert.equal((await mock.get(STOCKS)).status, 200);
});

test('the answer of the next such request is lost by a click', async (t) => {
  const { mock, page } = await start(t, { seed: (mock) => mock.post(RESERVE, BOUGHT) });
  await page.getByRole('link', { name: /increase_reserved_stock/ }).click();
  await page.getByRole('button', { name: 'Lose the answer of the next such request' }).click();
  await page.getByText('The next increase-reserved-stock of this SKU meets reset after the commit.').waitFor();
  await assert.rejects(mock.post(RESERVE, BOUGHT));
  assert.equal((await mock.get(`${STOCKS}?sku=${SKU}`)).json.results[0].reserved_stock, 2);
});

test('adding a rule from an exchange says what becomes of the others, and none of them is lost', async (t) => {
  const { mock, page } = await start(t);
  const spent = { name: 'once', match: { operation: 'create-stock' }, fault: { kind: 'status', status: 503 }, times: 1 };
  const counting = { name: 'third', match: { operation: 'list-stocks', nth: 3 }, fault: { kind: 'status', status: 429 } };
  await mock.put('/__admin/faults?world=default', { rules: [spent, counting] });
  await mock.post(STOCKS, NEW);
  await mock.get(STOCKS);
  const inForce = async () => (await mock.get('/__admin/faults?world=default')).json.rules;
  const before = await inForce();
  await page.getByRole('link', { name: /GET/ }).click();
  const add = page.getByRole('button', { name: 'Lose the answer of the next such request' });
  await add.click();
  const text = await page.getByRole('dialog').innerText();
  assert.match(text, /count their requests from zero again: third\./);
  assert.match(text, /switched off, and stays in the list of this tab: once\./);
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  assert.deepEqual(await inForce(), before);

  await add.click();
  await page.getByRole('dialog').getByRole('button', { name: 'Add the rule' }).click();
  await page.getByText(/again-2: The next list-stocks/).waitFor();
  assert.deepEqual((await inForce()).map(({ name }) => name), ['again-2', 'third']);
  await page.goto(`${mock.url}/__admin/#/faults?world=default`);
  await page.getByRole('switch', { name: 'once', checked: false }).waitFor();
  await page.getByRole('switch', { name: 'third', checked: true }).waitFor();
});

test('the list of what fired says how many faults there were', async (t) => {
  const { mock, page } = await start(t, { path: '/__admin/#/faults' });
  await mock.put('/__admin/faults?world=default', { rules: [{ name: 'slow', fault: { kind: 'delay', milliseconds: 1 } }] });
  await mock.get(STOCKS);
  await page.getByText('1 fault fired, newest first').waitFor();
  await mock.get(STOCKS);
  await page.getByText('2 faults fired, newest first').waitFor();
});

// Clock and readings.

test('the clock is frozen and moved', async (t) => {
  const { mock, page } = await start(t, { path: '/__admin/#/time' });
  await page.getByRole('button', { name: 'Freeze at' }).click();
  await page.getByLabel('Moment').fill('2024-02-29T23:59:59+03:00');
  await page.getByRole('button', { name: 'Set' }).click();
  await page.getByText('2024-02-29T23:59:59+03:00').waitFor();
  await page.getByRole('button', { name: '+1 s' }).click();
  await page.getByText('2024-03-01T00:00:00+03:00').waitFor();
  assert.equal((await mock.get('/__admin/clock')).json.mode, 'fixed');
  await page.getByRole('button', { name: 'Real' }).click();
  await page.getByText('runs as the system does').waitFor();
});

test('a reading is changed for a world, and the profile tells it', async (t) => {
  const { mock, page } = await start(t, { path: '/__admin/#/time?world=checkout', seed: (mock) => mock.get(`/worlds/checkout${STOCKS}`) });
  await page.getByRole('radio', { name: /not-found.*/ }).last().waitFor();
  await page.locator('#reading-unknown-sku').getByRole('radio', { name: 'not-found' }).check();
  await page.getByText('unknown-sku is now not-found.').waitFor();
  assert.equal((await mock.get(`/worlds/checkout${STOCKS}stock_query/?sku=NONE`)).status, 404);
  assert.equal((await mock.get(`${STOCKS}stock_query/?sku=NONE`)).status, 200);
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download the profile' }).click()]);
  assert.match(readFileSync(await download.path(), 'utf8'), /^unknown-sku = "not-found"$/m);
});

// The API.

test('an operation is tried in the world at hand', async (t) => {
  const { mock, page } = await start(t, { path: '/__admin/#/api/stock/increase-reserved-stock?world=checkout', seed: (mock) => mock.get(`/worlds/checkout${STOCKS}`) });
  await page.getByLabel('Body').fill(JSON.stringify(BOUGHT));
  await page.getByRole('button', { name: 'Send' }).click();
  await page.locator('.try').getByText('201').waitFor();
  assert.equal((await mock.get(`/worlds/checkout${STOCKS}?sku=${SKU}`)).json.results[0].reserved_stock, 1);
  assert.equal((await mock.get(`${STOCKS}?sku=${SKU}`)).json.results[0].reserved_stock, 0);
});

test('every operation of both documents can be read', async (t) => {
  const { page } = await start(t, { path: '/__admin/#/api' });
  const wrong = [];
  for (const name of ['Stock API', 'Admin paths']) {
    await page.getByRole('link', { name }).click();
    await page.locator('.operations a').first().waitFor();
    for (const link of await page.locator('.operations a').all()) {
      await link.click();
      const path = (await link.locator('.data').innerText());
      await page.locator('.detail article h2', { hasText: path }).waitFor();
      wrong.push(...await misprints(page));
    }
  }
  assert.deepEqual(wrong, []);
});

// Who may ask.

test('the token is asked for once and kept for the tab alone', async (t) => {
  const { mock, page } = await start(t, { args: ['--admin-token=s3cret'], seed });
  await page.getByRole('textbox', { name: 'Token' }).fill('wrong');
  await page.getByRole('button', { name: 'Use it' }).click();
  await page.getByText('does not take this token').waitFor();
  await page.getByRole('textbox', { name: 'Token' }).fill('s3cret');
  await page.getByRole('button', { name: 'Use it' }).click();
  await rows(page).nth(3).waitFor();
  await page.reload();
  await rows(page).nth(3).waitFor();
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  assert.ok(!(await page.content()).includes('s3cret'));
  assert.equal((await mock.get('/__admin/requests')).status, 401);
});

test('a page of another origin neither reads the mock nor frames the page', async (t) => {
  const mock = await startMock(t);
  // The page of another mock is a page of another origin, whose own policy is out of the way.
  const other = await startMock(t);
  const { page } = await openPage(t, browser, other, '/__admin/', { bypassCSP: true });
  const outcome = await page.evaluate(async (url) => {
    try { return (await fetch(`${url}/__admin/requests`)).status; } catch { return 'refused'; }
  }, mock.url);
  assert.equal(outcome, 'refused');
  const frame = await page.evaluate((url) => new Promise((resolve) => {
    const element = document.createElement('iframe');
    element.onload = () => { try { resolve(element.contentDocument?.body.innerText ?? 'foreign'); } catch { resolve('foreign'); } };
    element.src = `${url}/__admin/`;
    document.body.append(element);
  }), mock.url);
  assert.ok(!String(frame).includes('Traffic'));
  const { headers } = await mock.get('/__admin/');
  assert.match(headers.get('content-security-policy'), /default-src 'none'.*frame-ancestors 'none'/);
});

// For everybody.

/** What stands on the screen and should not: objects as text, and marks of Markdown outside of code. */
function misprints(page) {
  return page.evaluate(() => {
    const wrong = [];
    if (document.documentElement.outerHTML.includes('[object ')) wrong.push(`${location.hash}: [object …]`);
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const { data, parentElement } = texts.currentNode;
      if (data.includes('`') && !parentElement?.closest('pre, code, textarea, script')) wrong.push(`${location.hash}: ${data}`);
    }
    return wrong;
  });
}

/** Headings that are more than one level below the heading before them. */
function skipped(page) {
  return page.evaluate(() => {
    const headings = [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].filter((heading) => heading.checkVisibility());
    const level = (heading) => Number(heading?.localName.slice(1) ?? 0);
    return headings.filter((heading, at) => level(heading) > level(headings[at - 1]) + 1).map((heading) => `${location.hash}: ${heading.outerHTML}`);
  });
}

const VIEWS = ['traffic', 'traffic/1', 'traffic/4', 'world', 'world?at=1', 'client', 'faults/new', 'time', 'api', 'api/stock/increase-reserved-stock', 'api/admin/set-clock'];

for (const width of [1280, 390]) {
  for (const colorScheme of ['light', 'dark']) {
    test(`no serious finding of axe, and nothing beside the screen, at ${width} pixels, ${colorScheme}`, async (t) => {
      const options = { viewport: { width, height: 844 }, colorScheme, bypassCSP: true, reducedMotion: 'reduce' };
      const { mock, page } = await start(t, { options, seed });
      for (const view of VIEWS) {
        await page.goto(`${mock.url}/__admin/#/${view}`);
        await page.locator('main h1:visible, main h2:visible').first().waitFor();
        await page.waitForLoadState('networkidle', { timeout: 1000 }).catch(() => {});
        await page.evaluate(AXE);
        const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ['violations'] }));
        const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
        assert.deepEqual([...await misprints(page), ...await skipped(page)], []);
        assert.deepEqual(serious.map(({ id, nodes }) => [view, id, nodes.slice(0, 3).map((node) => node.html)]), []);
        const beside = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.equal(beside, 0, `${view} is wider than the screen`);
      }
    });
  }
}

test('traffic is read by keyboard alone', async (t) => {
  const { page } = await start(t, { seed });
  await rows(page).nth(3).waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'To the content');
  await rows(page).first().getByRole('link').focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.locator('.detail .exchange').waitFor();
  assert.match(page.url(), /traffic\/3/);
  assert.match(await page.locator('tr.current').innerText(), /400/);
});
