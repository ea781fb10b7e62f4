// Exchanges as they happen.

import * as api from './api.js';
import { kept, link } from './address.js';
import { attempt, button, download, field, fill, gradeBadge, h, number, select, statusBadge } from './dom.js';
import { drawExchange } from './exchange.js';

/** @typedef {import('./app.js').Visit} Visit */

/** Rows that the tab keeps; the oldest makes room. */
const KEPT = 2000;

/** Rows that are drawn. */
const DRAWN = 200;

/** Characters of each body that a search looks through. */
const SEARCHED = 2048;

/** The longest bodies of an exchange that the tab keeps whole, characters together. */
const SHORT = 32 * 1024;

/** How often rows are drawn, milliseconds. */
const EVERY = 250;

/**
 * What the list knows of an exchange. Bodies are asked for when one is opened, so that the
 * memory of the tab has a bound.
 * @typedef {object} Line
 * @property {number} id
 * @property {string} time
 * @property {string} method
 * @property {string} target
 * @property {string} mount the beginning of the target that names the world
 * @property {number | undefined} status
 * @property {string} operation
 * @property {string} rule
 * @property {string | null} grade
 * @property {string} world
 * @property {string[]} faults
 * @property {boolean} wrote
 * @property {number} microseconds
 * @property {string} haystack
 */

/**
 * @param {api.Exchange} exchange
 * @returns {Line}
 */
function line(exchange) {
  const { request, response } = exchange;
  const haystack = [
    request.method, request.target, exchange.rule, exchange.world, ...exchange.faults,
    request.body.text?.slice(0, SEARCHED), response?.body.text?.slice(0, SEARCHED),
  ].join('\n').toLowerCase();
  return {
    id: exchange.id,
    time: exchange.at.slice(11, 23),
    method: request.method,
    target: request.target,
    mount: /^\/worlds\/[^/?]+(?=\/)/.exec(request.target)?.[0] ?? '',
    status: response?.status,
    operation: exchange.operation,
    rule: exchange.rule?.slice(exchange.rule.indexOf('/') + 1) ?? '',
    grade: exchange.grade,
    world: exchange.world,
    faults: [...exchange.faults, ...exchange.defects],
    wrote: exchange.wrote !== null,
    microseconds: exchange.microseconds,
    haystack,
  };
}

/** @param {Visit} visit */
export async function traffic(visit) {
  const { main, query, signal } = visit;
  /** @type {Line[]} */
  let lines = [];
  let leftOut = 0;
  let given = 0;
  /** @type {boolean | null} `null` until it is known */
  let isLive = null;
  let isPaused = false;
  let isStale = true;
  /** @type {number | null} */
  let opened = null;

  const operations = await api.operationIds();
  const search = h('input', { type: 'search', value: query.get('text') ?? '', placeholder: 'in path, rule, fault and bodies' });
  const operation = select([['', 'any'], ...operations], query.get('operation') ?? '');
  const status = select([['', 'any'], '2xx', '3xx', '4xx', '5xx', ['none', 'no answer']], query.get('status') ?? '');
  const pause = button('Pause', () => {
    isPaused = !isPaused;
    pause.textContent = isPaused ? 'Go on' : 'Pause';
    pause.setAttribute('aria-pressed', String(isPaused));
    isStale = true;
  }, { 'aria-pressed': 'false' });
  const counts = h('p', { class: 'counts soft', role: 'status' });
  const body = h('tbody');
  const table = h('table', { class: 'lines' },
    h('caption', { class: 'hidden' }, 'Exchanges, the newest first'),
    h('thead', null, h('tr', null, ['Time', 'Request', 'Status', 'Rule', 'World', 'Took'].map((name) => h('th', { scope: 'col' }, name)))),
    body);
  const empty = h('p', { class: 'empty' });
  const detail = h('div', { class: 'detail', tabindex: '-1' });

  const keep = () => visit.keep({ text: search.value, operation: operation.value, status: status.value });
  search.addEventListener('input', () => { keep(); isStale = true; });
  for (const control of [operation, status]) control.addEventListener('change', () => { keep(); visit.again(); });

  const name = visit.world || 'all-worlds';
  const of = api.query({ world: visit.world });
  const list = h('div', { class: 'list' });
  const split = h('div', { class: visit.world ? 'split one-world' : 'split' }, list, detail);
  fill(main, split);
  fill(list,
    h('h1', null, 'Traffic'),
    h('form', { class: 'filters', onsubmit: (/** @type {Event} */ event) => event.preventDefault() },
      field('Text', search), field('Operation', operation), field('Status', status)),
    h('div', { class: 'actions' }, pause,
      button('Forget', () => attempt(async () => { await api.clearRequests(visit.world); visit.again(); }, 'The journal is empty.')),
      button('HAR', () => attempt(async () => download(`${name}.har`, await api.text(`requests/har${of}`), 'application/json'))),
      button('Bundle', () => attempt(async () => download(`${name}.bundle.json`, await api.text(`bundle${of}`), 'application/json')))),
    counts, table, empty);

  /** @type {Map<number, HTMLTableRowElement>} */
  const rows = new Map();
  // Under load the journal drops an exchange before anybody can open it.
  /** @type {Map<number, api.Exchange>} */
  const recent = new Map();
  /** @param {api.Exchange} exchange */
  const remember = (exchange) => {
    const { request, response } = exchange;
    const length = (request.body.text?.length ?? 0) + (response?.body.text?.length ?? 0);
    if (length <= SHORT) recent.set(exchange.id, exchange);
    if (recent.size <= 2 * DRAWN) return;
    for (const id of recent.keys()) {
      if (recent.size <= DRAWN) break;
      if (!rows.has(id)) recent.delete(id);
    }
  };
  const render = () => {
    counts.textContent = [
      isPaused ? 'paused' : isLive === null ? 'connecting' : isLive ? 'live' : 'not connected, trying again',
      `${number(lines.length)} kept here`,
      leftOut ? `${number(leftOut)} left out: above ${api.SAMPLED} a second only a sample is shown` : '',
      given ? `${number(given)} older ones made room` : '',
    ].filter(Boolean).join(' · ');
    if (isPaused || !isStale) return;
    isStale = false;
    const text = search.value.toLowerCase();
    const wanted = lines.filter((line) => (status.value !== 'none' || !line.status) && (!text || line.haystack.includes(text)));
    const shown = wanted.slice(-DRAWN).reverse();
    const ids = new Set(shown.map((line) => line.id));
    for (const [id, row] of rows) if (!ids.has(id)) { row.remove(); rows.delete(id); }
    let before = body.firstElementChild;
    for (const line of shown) {
      const row = rows.get(line.id) ?? drawLine(line);
      mark(row, line.id === opened);
      if (row === before) before = before.nextElementSibling;
      else body.insertBefore(row, before);
      rows.set(line.id, row);
    }
    table.hidden = shown.length === 0;
    empty.hidden = shown.length > 0;
    empty.textContent = lines.length ? 'Nothing fits the filter.'
      : `No exchange yet. Send one to ${api.root}${api.mountOf(visit.one)}/api/v1/stocks/ and it shows up here.`;
    if (wanted.length > DRAWN) counts.textContent += ` · the newest ${DRAWN} of ${number(wanted.length)} shown`;
  };

  body.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const at = /** @type {HTMLElement} */ (event.target).closest('tr');
    const next = step === 1 ? at?.nextElementSibling : step === -1 ? at?.previousElementSibling : null;
    if (next) {
      event.preventDefault();
      next.querySelector('a')?.focus();
    }
  });

  // What is opened changes beside the list, which goes on meanwhile.
  /** @param {string[]} rest */
  const show = ([id]) => {
    opened = Number(id ?? '') || null;
    split.classList.toggle('opened', opened !== null);
    for (const [of, row] of rows) mark(row, of === opened);
    if (opened) void open(opened, detail, visit, recent.get(opened));
    else fill(detail);
    return true;
  };
  show(visit.rest);
  visit.moved = show;

  /** @type {Record<string, string>} */
  const which = { world: visit.world, operation: operation.value, status: status.value === 'none' ? '' : status.value };
  const first = await api.requests({ ...which, limit: 300 });
  lines = first.requests.map(line);
  first.requests.slice(-DRAWN).forEach(remember);
  render();
  const timer = setInterval(() => { if (!document.hidden) render(); }, EVERY);
  signal.addEventListener('abort', () => clearInterval(timer));
  await api.follow(which, first.requests.at(-1)?.id ?? 0, {
    exchange(exchange) {
      lines.push(line(exchange));
      remember(exchange);
      if (lines.length > KEPT + DRAWN) {
        given += lines.length - KEPT;
        lines = lines.slice(-KEPT);
      }
      isStale = true;
    },
    skipped(count) { leftOut += count; },
    state(live) { isLive = live; },
  }, signal);
}

/**
 * @param {HTMLTableRowElement} row
 * @param {boolean} isOpen
 */
function mark(row, isOpen) {
  if (row.classList.toggle('current', isOpen)) row.querySelector('a')?.setAttribute('aria-current', 'true');
  else row.querySelector('a')?.removeAttribute('aria-current');
}

/** @param {Line} line */
function drawLine(line) {
  return h('tr', null,
    h('td', { class: 'time' }, line.time),
    h('td', { class: 'asked' },
      h('a', { href: link(`traffic/${line.id}`, kept()) },
        h('span', { class: 'method' }, line.method), ' ', h('bdi', { class: 'data' }, line.mount && h('span', { class: 'mount' }, line.mount), line.target.slice(line.mount.length)))),
    h('td', { class: 'answered' }, statusBadge(line.status)),
    h('td', { class: 'rule' }, h('span', { title: line.operation }, line.rule), ' ', gradeBadge(line.grade),
      line.wrote && h('span', { class: 'chip', title: 'It changed the world.' }, 'write'),
      line.faults.map((name) => h('span', { class: 'chip fault' }, name))),
    h('td', { class: 'of' }, line.world),
    h('td', { class: 'took' }, line.microseconds < 10_000 ? `${line.microseconds} µs` : `${(line.microseconds / 1000).toFixed(0)} ms`));
}

/**
 * @param {number} id
 * @param {HTMLElement} place
 * @param {Visit} visit
 * @param {api.Exchange} [exchange] what the tab has of it
 */
async function open(id, place, visit, exchange) {
  const back = h('a', { class: 'back', href: link('traffic', kept()) }, 'Close');
  /** @type {HTMLElement[]} */
  let content;
  try {
    content = [drawExchange(await api.request(id))];
  } catch (error) {
    content = exchange
      ? [drawExchange(exchange), h('p', { class: 'soft' }, 'The journal has dropped this exchange; the tab still has it.')]
      : [h('p', { class: 'empty' }, /** @type {Error} */ (error).message)];
  }
  if (visit.signal.aborted) return;
  fill(place, back, content);
  place.scrollTop = 0;
  place.focus({ preventScroll: true });
  if (matchMedia('(max-width: 68rem)').matches) scrollTo(0, 0);
}
