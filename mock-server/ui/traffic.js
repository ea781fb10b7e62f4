// Exchanges as they happen.

import * as api from './api.js';
import { kept, link } from './address.js';
import { attempt, button, confirmed, download, field, fill, gradeBadge, h, number, select, statusBadge } from './dom.js';
import { drawExchange, LEVELS } from './exchange.js';

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

/** How often findings are read, milliseconds. */
const JUDGED_EVERY = 1000;

/** Choices of the filter by findings, each with the levels that pass it. @type {Record<string, string[]>} */
const WITH_FINDINGS = { some: LEVELS, warning: LEVELS.slice(0, 2), error: LEVELS.slice(0, 1) };

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
  /** @type {Map<number, Found>} */
  let found = new Map();
  /** @type {number | null} */
  let opened = null;

  const operations = await api.operationIds();
  const search = h('input', { type: 'search', value: query.get('text') ?? '', placeholder: 'in path, rule, fault and bodies' });
  const operation = select([['', 'any'], ...operations], query.get('operation') ?? '');
  const status = select([['', 'any'], '2xx', '3xx', '4xx', '5xx', ['none', 'no answer']], query.get('status') ?? '');
  const judged = select([['', 'any'], ['some', 'with findings'], ['warning', 'warnings and errors'], ['error', 'errors']], query.get('findings') ?? '',
    { title: 'Of each finding, the first 20 exchanges are marked.' });
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
    h('thead', null, h('tr', null, ['Time', 'Request', 'Status', 'Findings', 'Rule', 'World', 'Took'].map((name) => h('th', { scope: 'col' }, name)))),
    body);
  const empty = h('p', { class: 'empty' });
  const detail = h('div', { class: 'detail', tabindex: '-1' });

  const keep = () => visit.keep({ text: search.value, operation: operation.value, status: status.value, findings: judged.value });
  for (const control of [search, judged]) control.addEventListener('input', () => { keep(); isStale = true; });
  for (const control of [operation, status]) control.addEventListener('change', () => { keep(); visit.again(); });

  const clear = async () => {
    const scope = visit.world ? `of ${visit.world}` : 'of all worlds';
    if (!await confirmed('Clear journal', `The exchanges ${scope} are deleted. State, findings and coverage stay.`, 'Clear')) return;
    await attempt(async () => { await api.clearRequests(visit.world); visit.again(); }, `The journal ${scope} is empty.`);
  };

  const name = visit.world || 'all-worlds';
  const of = api.query({ world: visit.world });
  const list = h('div', { class: 'list' });
  const split = h('div', { class: visit.world ? 'split one-world' : 'split' }, list, detail);
  fill(main, split);
  fill(list,
    h('h1', null, 'Traffic'),
    h('form', { class: 'filters', onsubmit: (/** @type {Event} */ event) => event.preventDefault() },
      field('Text', search), field('Operation', operation), field('Status', status), field('Findings', judged)),
    h('div', { class: 'actions' }, pause,
      button('HAR', () => attempt(async () => download(`${name}.har`, await api.text(`requests/har${of}`), 'application/json'))),
      button('Bundle', () => attempt(async () => download(`${name}.bundle.json`, await api.text(`bundle${of}`), 'application/json'))),
      button('Clear journal', clear, { class: 'danger' })),
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
      `${number(lines.length)} ${lines.length === 1 ? 'exchange' : 'exchanges'}, ${stateOf(isPaused, isLive)}`,
      leftOut ? `${number(leftOut)} skipped: the page takes at most ${api.SAMPLED} a second` : '',
      given ? `${number(given)} older ones dropped from this tab` : '',
    ].filter(Boolean).join(' · ');
    if (isPaused || !isStale) return;
    isStale = false;
    const text = search.value.toLowerCase();
    const wanted = lines.filter((line) => (status.value !== 'none' || !line.status) && (!text || line.haystack.includes(text))
      && (!judged.value || WITH_FINDINGS[judged.value]?.some((level) => found.get(line.id)?.[level])));
    const shown = wanted.slice(-DRAWN).reverse();
    const ids = new Set(shown.map((line) => line.id));
    for (const [id, row] of rows) if (!ids.has(id)) { row.remove(); rows.delete(id); }
    let before = body.firstElementChild;
    for (const line of shown) {
      const row = rows.get(line.id) ?? drawLine(line);
      mark(row, line.id === opened);
      markFindings(row, found.get(line.id));
      if (row === before) before = before.nextElementSibling;
      else body.insertBefore(row, before);
      rows.set(line.id, row);
    }
    table.hidden = shown.length === 0;
    empty.hidden = shown.length > 0;
    empty.textContent = lines.length ? 'Nothing fits the filter.'
      : `No exchange yet. Send one to ${api.root}${api.mountOf(visit.one)}/api/v1/stocks/ and it shows up here.`;
    if (wanted.length > DRAWN) counts.textContent += ` · the newest ${DRAWN} are shown`;
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

  let verdict = '';
  visit.poll(JUDGED_EVERY, async () => {
    const verdicts = await api.orElse(api.findings(visit.world), []);
    const key = JSON.stringify(verdicts.map(({ findings }) => findings));
    if (key === verdict) return;
    verdict = key;
    found = foundIn(verdicts);
    isStale = true;
  });

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
 * @param {boolean} isPaused
 * @param {boolean | null} isLive
 */
function stateOf(isPaused, isLive) {
  if (isPaused) return 'paused';
  if (isLive === null) return 'connecting';
  return isLive ? 'updated live' : 'not connected, trying again';
}

/**
 * The number of findings of each level about an exchange.
 * @typedef {Record<string, number>} Found
 */

/**
 * The findings about each exchange, by its number.
 * @param {api.Verdict[]} verdicts
 * @returns {Map<number, Found>}
 */
function foundIn(verdicts) {
  /** @type {Map<number, Found>} */
  const found = new Map();
  for (const { level, requests } of verdicts.flatMap(({ findings }) => findings)) {
    for (const id of requests) {
      const counts = found.get(id) ?? {};
      counts[level] = (counts[level] ?? 0) + 1;
      found.set(id, counts);
    }
  }
  return found;
}

/**
 * Shows the number of findings of each level in a row, unless it shows them already.
 * @param {HTMLTableRowElement} row
 * @param {Found} [counts]
 */
function markFindings(row, counts = {}) {
  const key = JSON.stringify(counts);
  if ((row.dataset.found ?? '{}') === key) return;
  row.dataset.found = key;
  fill(/** @type {Element} */ (row.querySelector('.found')), LEVELS.flatMap((level) => {
    const count = counts[level];
    return count ? [h('span', { class: `chip ${level}` }, `${count} ${level}${count === 1 ? '' : 's'}`), ' '] : [];
  }));
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
    h('td', { class: 'found' }),
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
