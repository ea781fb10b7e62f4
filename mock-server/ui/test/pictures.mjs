// Takes the screenshots of the documents: node pictures.mjs FOLDER

import { mkdirSync } from 'node:fs';
import { STOCKS, fromFolder, launch, startMock } from './support.mjs';

const [, , folder = 'pictures'] = process.argv;
mkdirSync(folder, { recursive: true });

/** What would belong to a test: what is started ends at the end. */
const endings = [];
const t = { after: (end) => endings.push(end) };

const WORLD = '/worlds/checkout';
const BOUGHT = { sku: '555AB1300456213004', location: '110' };
const NEW = { sku: '500', provider: 'shop_provider', location: '110', stock: 7 };
const LOST = { name: 'lost-answer', match: { operation: 'increase-reserved-stock', nth: 4 }, fault: { kind: 'reset' }, when: 'after' };
const BUSY = { name: 'slow-down', match: { every: 6 }, fault: { kind: 'status', status: 429, retry_after: 30 } };

/** A client that makes some mistakes, and meets some faults. */
async function shop(mock) {
  const at = `${WORLD}${STOCKS}`;
  await mock.put('/__admin/clock?world=checkout', { mode: 'fixed', now: '2023-06-01T12:00:00+03:00', tick_microseconds: 23 });
  await mock.put('/__admin/faults?world=checkout', { rules: [LOST, BUSY] });
  const lost = () => mock.post(`${at}increase_reserved_stock/`, BOUGHT).catch(() => undefined);
  await mock.get(`${at}?stock_gt=4`);
  await mock.post(at, NEW);
  await mock.post(at, NEW);
  await mock.post(at, {});
  await lost();
  await mock.post(`${at}increase_reserved_stock/`, { ...BOUGHT, date: '2023-05-10' });
  await mock.post(`${at}increase_reserved_stock/`, { ...BOUGHT, date: '2023-05-10' });
  await lost();
  await mock.post(`${at}insert_or_update_stock/`, [{ ...NEW, stock: 9 }, { ...NEW, sku: '501', stock: '3' }]);
  await mock.get(`${at}stock_query/?sku=500`);
  await mock.get(`${at}multi_salable_stock_query/?sku=500&sku=501`);
  await mock.post(`${WORLD}/api/v1/active-stocks/1/`, { sku: '500' });
  await mock.post(`${at}decrease_reserved_stock/`, BOUGHT);
  await mock.get(`${WORLD}/api/v1/stock/`);
  await mock.get(at);
}

const mock = await startMock(t);
const browser = await launch();
try {
  await shop(mock);
  const write = (await mock.get('/__admin/requests?world=checkout&operation=increase-reserved-stock')).json.requests[0].id;
  /** @type {[string, string, number, 'light' | 'dark'][]} */
  const pictures = [
    ['traffic', `traffic/${write}?world=checkout`, 1280, 'light'],
    ['world', 'world?world=checkout&at=1', 1280, 'light'],
    ['client', 'client?world=checkout', 1280, 'light'],
    ['faults', 'faults?world=checkout', 1280, 'dark'],
    ['phone', 'traffic?world=checkout', 390, 'dark'],
  ];
  for (const [name, view, width, colorScheme] of pictures) {
    const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme, deviceScaleFactor: width < 500 ? 2 : 1 });
    const page = await context.newPage();
    await fromFolder(page);
    await page.goto(`${mock.url}/__admin/#/${view}`);
    await page.locator('main h1:visible, main h2:visible').first().waitFor();
    // The stream stays open, so that the network is never idle; what is drawn comes at once.
    await page.locator('table:visible, .finding').first().waitFor();
    await page.evaluate(() => document.fonts.ready);
    await page.waitForTimeout(500);
    await page.screenshot({ path: `${folder}/${name}.png` });
    await context.close();
  }
} finally {
  await browser.close();
  for (const end of endings) await end();
}
