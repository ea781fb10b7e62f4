// A world: its stocks, places and lists, now or after any write that is kept.

import * as api from './api.js';
import { link } from './address.js';
import { ask, attempt, button, copyButton, download, field, fill, h, notice, number, select } from './dom.js';
import { drawDiff } from './exchange.js';

/** @typedef {import('./app.js').Visit} Visit */

/** Columns of the table of stocks; the API sorts by each of them. */
const COLUMNS = ['sku', 'stock', 'reserved_stock', 'provider', 'location', 'is_active', 'unit_type', 'stock_type', 'modified_date', 'id'];
const NUMBERS = new Set(['id', 'stock', 'reserved_stock']);

/** Filters that stand open; the rest is folded. */
const COMMON = ['sku', 'provider', 'location', 'stock__gte', 'stock__lte', 'is_active'];

/** Filters that take one of a few values. @type {Record<string, string[]>} */
const CHOICES = { is_active: ['true', 'false'], unit_type: ['qty', 'kg'], stock_type: ['standard', 'scheduled'] };

/** How often the page asks whether there was a write, milliseconds. */
const EVERY = 1000;

/** Writes that the list beside the slider shows. */
const LISTED = 50;

const STOCKS = '/api/v1/stocks/';

/** @type {[string, string, string, string[], string][]} Part, title, path, columns, the label of the button that adds one. */
const PARTS = [
  ['stocks', 'Stocks', STOCKS, COLUMNS, 'Add a stock'],
  ['providers', 'Providers', '/api/v1/providers/', ['id', 'name', 'code', 'should_add_reservations', 'is_active', 'modified_date'], 'Add a provider'],
  ['locations', 'Locations', '/api/v1/stock-locations/', ['id', 'code', 'name', 'provider', 'is_active', 'modified_date'], 'Add a location'],
  ['lists', 'Stock lists', '/api/v1/stock-lists/', ['id', 'code', 'name', 'remote_id', 'stock_list_rule', 'is_active', 'modified_date'], 'Add a stock list'],
];

/** @param {Visit} visit */
export async function world(visit) {
  const { main, one, query, signal } = visit;
  const [part = 'stocks'] = visit.rest;
  const [, title, path, columns, adds] = PARTS.find(([id]) => id === part) ?? /** @type {typeof PARTS[0]} */ (PARTS[0]);
  const isStocks = path === STOCKS;
  const document = await api.stockApi();
  const line = await api.orElse(/** @type {Promise<api.Writes | null>} */ (api.writes(one, { limit: 1 })), null);
  if (!line) {
    drawMissing(visit);
    return;
  }
  let { first, last } = line;
  /** @type {number | null} the write behind which the table stands; `null` for now */
  let at = query.has('at') ? Math.min(Math.max(Number(query.get('at')), first), last) : null;
  if (at === last) at = null;

  const parameters = isStocks ? filtersOf(document) : [];
  const address = h('code', { class: 'data' });
  const table = h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': title });
  const pager = h('div', { class: 'actions pager' });
  const change = h('div', { class: 'slot' });

  const target = () => {
    const pairs = new URLSearchParams();
    for (const name of [...parameters.map((parameter) => parameter.name), 'sort', 'page', 'limit']) {
      const value = query.get(name);
      if (value) pairs.set(name, value);
    }
    const text = pairs.toString();
    return path + (text ? `?${text}` : '');
  };

  const load = async () => {
    const answer = await api.askWorld(one, { method: 'GET', target: target(), ...(at === null ? {} : { at }) });
    if (signal.aborted) return;
    const where = api.root + api.mountOf(one) + target();
    fill(address, `GET ${where}`);
    const page = /** @type {{count: number, next: string | null, previous: string | null, results: api.Row[]}} */ (answer.body);
    if (answer.status !== 200) {
      fill(table, h('p', { class: 'empty bad' }, `The API answers ${answer.status}: ${JSON.stringify(answer.body)}`));
      fill(pager);
      return;
    }
    fill(table, page.results.length === 0 ? h('p', { class: 'empty' }, 'Nothing here.') : drawTable(page.results));
    const here = Number(query.get('page') ?? 1);
    /** @param {number} to */
    const go = (to) => { visit.keep({ page: to > 1 ? String(to) : '' }); return attempt(load); };
    fill(pager,
      button('Previous', () => go(here - 1), { disabled: page.previous === null }),
      h('span', null, `Page ${here}, ${number(page.count)} in all`),
      button('Next', () => go(here + 1), { disabled: page.next === null }));
  };

  /** @param {api.Row[]} rows */
  const drawTable = (rows) => h('table', { class: 'grid' },
    h('thead', null, h('tr', null, isStocks && at === null && h('th', { scope: 'col' }, 'Edit'), columns.map(head))),
    h('tbody', null, rows.map((row) => h('tr', null,
      isStocks && at === null && h('td', null, button('Edit', () => edit(row), { 'aria-label': `Edit the stock ${row.id}`, class: 'quiet' })),
      columns.map((name) => h('td', { class: `data${NUMBERS.has(name) ? ' number' : ''}` }, cell(row[name])))))));

  /** @param {string} name */
  const head = (name) => {
    if (!isStocks) return h('th', { scope: 'col' }, breakable(name));
    const sorted = query.get('sort');
    const next = sorted === name ? `-${name}` : sorted === `-${name}` ? '' : name;
    return h('th', { scope: 'col', 'aria-sort': sorted === name ? 'ascending' : sorted === `-${name}` ? 'descending' : 'none' },
      button(breakable(name), () => { visit.keep({ sort: next, page: '' }); return attempt(load); }, { class: 'sort' }));
  };

  /** @param {api.Row} row */
  const edit = async (row) => {
    const data = await ask(`Stock ${row.id}`, [
      h('p', null, h('code', { class: 'data' }, String(row.sku)), ` at ${row.location} of ${row.provider}`),
      h('p', { class: 'soft' }, 'An upsert of the API, which keeps SKU, place and type: these tell one stock from another.'),
      field('stock', h('input', { type: 'number', name: 'stock', value: row.stock, required: true })),
      field('reserved_stock', h('input', { type: 'number', name: 'reserved_stock', value: row.reserved_stock, required: true })),
      field('unit_type', select(['qty', 'kg'], String(row.unit_type), { name: 'unit_type' })),
      h('label', { class: 'check' }, h('input', { type: 'checkbox', name: 'is_active', checked: row.is_active === true }), 'is_active'),
    ], 'Save');
    if (!data) return;
    await write('/api/v1/stocks/insert_or_update_stock/', {
      sku: row.sku, provider: row.provider, location: row.location, stock_type: row.stock_type, period: row.period,
      stock: Number(data.get('stock')), reserved_stock: Number(data.get('reserved_stock')),
      unit_type: data.get('unit_type'), is_active: data.has('is_active'),
    }, `The stock ${row.id} is changed.`);
  };

  /**
   * @param {string} where
   * @param {unknown} body
   * @param {string} done
   */
  const write = (where, body, done) => attempt(async () => {
    const answer = await api.askWorld(one, { method: 'POST', target: where, body });
    if (answer.status >= 300 || answer.status === 208) throw new Error(`The API answers ${answer.status}: ${JSON.stringify(answer.body)}`);
    await look();
    await load();
  }, done);

  const add = async () => {
    const data = await ask(adds, formOf(part), 'Add');
    if (data) await write(path, bodyOf(part, data), 'Added.');
  };

  // The time line.

  const slider = h('input', { type: 'range', id: 'at', min: String(first), max: String(last), step: '1' });
  const place = h('output', { for: 'at' });
  const list = h('ol', { class: 'writes' });
  const isOnlyNow = h('p', { class: 'soft' });

  /** @param {number} seq */
  const travel = (seq) => {
    at = seq >= last ? null : Math.max(seq, first);
    visit.keep({ at: at === null ? '' : String(at), page: '' });
    drawLine();
    return attempt(async () => { await Promise.all([load(), drawNext()]); });
  };
  const earlier = button('Earlier', () => travel((at ?? last) - 1));
  const later = button('Later', () => travel((at ?? last) + 1));
  const now = button('Now', () => travel(last));
  slider.addEventListener('input', () => { fill(place, describe(Number(slider.value))); });
  slider.addEventListener('change', () => travel(Number(slider.value)));

  /** @param {number} seq */
  const describe = (seq) => (seq >= last ? `now, after write ${number(last)}` : seq === first ? `the beginning, ${number(last - seq)} writes ago` : `after write ${number(seq)} of ${number(last)}`);

  const drawLine = () => {
    slider.min = String(first);
    slider.max = String(last);
    slider.value = String(at ?? last);
    const isEmpty = first === last;
    slider.disabled = isEmpty;
    earlier.disabled = (at ?? last) <= first;
    later.disabled = now.disabled = at === null;
    fill(place, describe(at ?? last));
    slider.setAttribute('aria-valuetext', describe(at ?? last));
    fill(isOnlyNow, isEmpty ? 'No write yet since the world began.' : '');
    main.classList.toggle('past', at !== null);
  };

  const drawNext = async () => {
    const seq = at;
    const since = Math.max(first, (seq ?? last) - (seq === null ? LISTED : LISTED / 2));
    const shown = await api.writes(one, { since, limit: LISTED });
    const next = seq === null ? null : await api.diff(one, seq, seq + 1);
    if (signal.aborted || at !== seq) return;
    fill(list, shown.writes.map((write) => h('li', { class: write.seq === seq ? 'current' : null, value: String(write.seq) },
      button(`${write.method} ${write.target}`, () => travel(write.seq), { class: 'quiet data', title: write.at, 'aria-current': write.seq === seq ? 'true' : null }))).reverse());
    fill(change, next && [h('h2', null, `What write ${next.to} then changes`), drawDiff(next)]);
  };

  const look = async () => {
    const is = await api.writes(one, { limit: 1 });
    const moved = is.last !== last || is.first !== first;
    ({ first, last } = is);
    return moved;
  };

  fill(main,
    h('header', { class: 'title' },
      h('h1', null, 'World ', h('bdi', { class: 'data' }, one)),
      actions(visit)),
    h('section', { class: 'card timeline', 'aria-label': 'Time line' },
      h('div', { class: 'row' }, h('label', { for: 'at' }, 'Time line'), place, h('div', { class: 'actions' }, earlier, later, now)),
      slider, isOnlyNow,
      h('details', { open: at !== null }, h('summary', null, 'Writes'), list),
      change),
    h('nav', { class: 'tabs', 'aria-label': 'Parts of the world' }, PARTS.map(([id, name]) => h('a', {
      href: link(`world/${id}`, at === null ? {} : { at: String(at) }), 'aria-current': id === part ? 'page' : null,
    }, name))),
    isStocks && drawFilters(parameters, query, (changes) => { visit.keep({ ...changes, page: '' }); return attempt(load); }),
    h('p', { class: 'address' }, address, copyButton(() => api.root + api.mountOf(one) + target(), 'Copy address')),
    h('div', { class: 'actions' }, button(adds, add, { class: 'primary' })),
    table, pager);
  drawLine();
  await Promise.all([load(), drawNext()]);
  visit.poll(EVERY, async () => {
    if (!(await look()) || signal.aborted) return;
    if (at !== null && at < first) at = null;
    drawLine();
    await drawNext();
    if (at === null) await load();
  });
}

/** @param {Visit} visit */
function drawMissing(visit) {
  fill(visit.main,
    h('h1', null, 'World ', h('bdi', { class: 'data' }, visit.one)),
    h('p', { class: 'empty' }, 'There is no such world yet. It comes to be with the first request to it, or with an import.'),
    h('div', { class: 'actions' }, button('Import', () => importFile(visit))));
}

/** A name that may be broken behind its underscores. @param {string} name */
function breakable(name) {
  return name.split('_').flatMap((part, at) => (at > 0 ? ['_', h('wbr'), part] : [part]));
}

/** @param {unknown} value */
function cell(value) {
  if (value === null || value === undefined) return h('span', { class: 'soft' }, 'null');
  if (typeof value === 'string') return value;
  return JSON.stringify(value);
}

/**
 * The filters of the list of stocks, as its description has them.
 * @param {api.Document} document
 * @returns {{name: string, description: string, schema: api.Row}[]}
 */
function filtersOf(document) {
  /** @type {{$ref?: string, name: string}[]} */
  const parameters = document.paths[STOCKS].get.parameters;
  const resolved = parameters.map((parameter) => (parameter.$ref ? document.components.parameters[parameter.$ref.split('/').pop() ?? ''] : parameter));
  return resolved.filter((parameter) => !['sort', 'page', 'limit'].includes(parameter.name));
}

/**
 * @param {{name: string, description: string, schema: api.Row}[]} parameters
 * @param {URLSearchParams} query
 * @param {(changes: Record<string, string>) => unknown} change
 */
function drawFilters(parameters, query, change) {
  /** @param {{name: string, description: string, schema: api.Row}} parameter */
  const control = ({ name, description, schema }) => {
    const known = CHOICES[name];
    const value = query.get(name) ?? '';
    const element = known
      ? select([['', 'any'], ...known], value, { title: description })
      : h('input', { type: schema.type === 'number' ? 'number' : 'text', value, title: description, placeholder: schema.format === 'date-time' ? '2023-05-10T13:37:18+03:00' : null });
    element.addEventListener('change', () => change({ [name]: element.value.trim() }));
    return field(name, element);
  };
  const [common, rest] = [true, false].map((is) => parameters.filter(({ name }) => COMMON.includes(name) === is));
  const sort = h('input', { type: 'text', value: query.get('sort') ?? '', placeholder: '-stock,sku' });
  sort.addEventListener('change', () => change({ sort: sort.value.trim() }));
  const limit = h('input', { type: 'number', min: '1', value: query.get('limit') ?? '' });
  limit.addEventListener('change', () => change({ limit: limit.value }));
  return h('form', { class: 'filters', onsubmit: (/** @type {Event} */ event) => event.preventDefault() },
    (common ?? []).map(control),
    h('details', { open: (rest ?? []).some(({ name }) => query.has(name)) },
      h('summary', null, 'All filters, sort and limit'),
      h('div', { class: 'filters' }, (rest ?? []).map(control), field('sort', sort), field('limit', limit))));
}

/** @param {Visit} visit */
function actions(visit) {
  const { one } = visit;
  /** @param {string} name */
  const goTo = (name) => { location.hash = `#/world${api.query({ world: name })}`; };
  return h('div', { class: 'actions' },
    button('Export', () => attempt(async () => download(`${one}.json`, await api.exportWorld(one), 'application/json'))),
    button('Import', () => importFile(visit)),
    button('Fork', async () => {
      const data = await ask(`Fork ${one}`, [field('Name of the fork', h('input', { name: 'name', required: true, maxlength: '64' }))], 'Fork');
      if (!data) return;
      const name = String(data.get('name'));
      await attempt(async () => { await api.forkWorld(one, name); await visit.refresh(); goTo(name); }, `${name} begins as ${one} stands.`);
    }),
    button('Reset', async () => {
      const { seeds } = await api.settings();
      const data = await ask(`Reset ${one}`, [
        h('p', null, 'State, clock and readings return to those of the start. The writes so far are forgotten.'),
        field('State', select([['', 'as the mock was started'], ...seeds], '', { name: 'seed' })),
      ], 'Reset');
      if (data) await attempt(async () => { await api.resetWorld(one, String(data.get('seed'))); visit.again(); }, `${one} begins anew.`);
    }),
    one !== 'default' && button('Drop', async () => {
      const data = await ask(`Drop ${one}`, [h('p', null, 'The world, its journal and its findings go. The next request to it makes a new one.')], 'Drop');
      if (data) await attempt(async () => { await api.dropWorld(one); await visit.refresh(); goTo('default'); }, `${one} is gone.`);
    }, { class: 'danger' }));
}

/** @param {Visit} visit */
async function importFile(visit) {
  const data = await ask(`Import into ${visit.one}`, [
    h('p', null, 'A world file takes the place of the whole state; the time line begins anew.'),
    field('File', h('input', { type: 'file', name: 'file', accept: 'application/json,.json', required: true })),
  ], 'Import');
  const file = data?.get('file');
  if (!(file instanceof File)) return;
  await attempt(async () => {
    const { stocks } = await api.importWorld(visit.one, await file.text());
    await visit.refresh();
    visit.again();
    notice(`Imported: ${number(stocks)} stocks.`);
  });
}

/**
 * The fields of what can be added.
 * @param {string} part
 */
function formOf(part) {
  /** @param {string} name @param {Record<string, unknown>} [more] */
  const input = (name, more = {}) => field(name, h('input', { name, required: true, ...more }));
  const active = h('label', { class: 'check' }, h('input', { type: 'checkbox', name: 'is_active', checked: true }), 'is_active');
  switch (part) {
    case 'providers':
      return [input('name'), input('code'), active];
    case 'locations':
      return [input('code'), input('name'), input('provider', { type: 'number', min: '1', title: 'The id of the provider.' }), active];
    case 'lists':
      return [input('code'), input('name'), input('remote_id', { required: false, type: 'number' }), active];
    default:
      return [input('sku'), input('provider'), input('location'), input('stock', { type: 'number', value: '0' }),
        input('reserved_stock', { type: 'number', value: '0' }), field('unit_type', select(['qty', 'kg'], 'qty', { name: 'unit_type' })), active];
  }
}

/**
 * @param {string} part
 * @param {FormData} data
 */
function bodyOf(part, data) {
  /** @type {api.Row} */
  const body = { is_active: data.has('is_active') };
  for (const [name, value] of data) {
    if (name === 'is_active' || value === '') continue;
    const isNumber = ['stock', 'reserved_stock', 'remote_id'].includes(name) || (part === 'locations' && name === 'provider');
    body[name] = isNumber ? Number(value) : value;
  }
  return body;
}
