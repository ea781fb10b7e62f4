// One exchange: what was asked, what was answered, and why.

import * as api from './api.js';
import { link } from './address.js';
import { installAgain } from './again.js';
import { attempt, button, code, copyButton, fill, gradeBadge, h, json, number, pretty, prose, statusBadge } from './dom.js';

/** Levels of findings, the gravest first. */
export const LEVELS = ['error', 'warning', 'note'];

/** Headers that a client sets by itself. */
const BY_ITSELF = new Set(['host', 'content-length', 'connection', 'user-agent', 'accept-encoding', 'transfer-encoding']);

/**
 * A text as a shell takes it, whatever is in it.
 * @param {string} text
 */
export function quoted(text) {
  // eslint-disable-next-line no-control-regex
  if (!/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(text)) return `'${text.replaceAll("'", "'\\''")}'`;
  const escaped = text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")
    // eslint-disable-next-line no-control-regex
    .replace(/[\u0000-\u001f\u007f-\u009f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `$'${escaped}'`;
}

/**
 * The exchange as a command line.
 * @param {api.Exchange} exchange
 */
export function curl({ request }) {
  const parts = ['curl'];
  const hasBody = request.body.bytes > 0;
  if (request.method !== (hasBody ? 'POST' : 'GET')) parts.push('-X', request.method);
  parts.push(quoted(api.root + request.target));
  const lines = [parts.join(' ')];
  for (const [name, value] of request.headers) {
    if (BY_ITSELF.has(name)) continue;
    // The journal keeps no secret; the mock takes any token unless it was told which.
    const shown = name === 'authorization' ? value.replaceAll('[redacted]', 'any') : value;
    lines.push(`-H ${quoted(`${name}: ${shown}`)}`);
  }
  if (hasBody && request.body.text !== undefined) lines.push(`--data-raw ${quoted(request.body.text)}`);
  return lines.join(' \\\n  ');
}

/**
 * A body with how much of it there is.
 * @param {api.Body} body
 */
function drawBody(body) {
  if (body.bytes === 0) return h('p', { class: 'soft' }, 'No body.');
  const size = `${number(body.bytes)} bytes${body.truncated ? ', of which the journal kept the beginning' : ''}`;
  const shown = body.text === undefined
    ? code(body.base64 ?? '')
    : body.truncated ? code(body.text) : pretty(body.text);
  return h('div', null,
    h('p', { class: 'soft' }, size, body.text === undefined ? '; no text, so shown as Base64' : ''), shown);
}

/** @param {[string, string][]} headers */
function drawHeaders(headers) {
  return h('details', null,
    h('summary', null, `${headers.length} headers`),
    h('table', { class: 'pairs' }, h('tbody', null, headers.map(([name, value]) => h('tr', null,
      h('th', { scope: 'row' }, name), h('td', { class: 'data' }, value))))));
}

/**
 * @param {string} title
 * @param {...import('./dom.js').Children} content
 */
function part(title, ...content) {
  return h('section', { class: 'part' }, h('h3', null, title), ...content);
}

/**
 * What decided the answer: the rule, the words behind it, and the readings.
 * @param {api.Exchange} exchange
 */
async function drawDecision(exchange) {
  const [document, register] = await Promise.all([api.stockApi(), api.readings(exchange.world).catch(() => [])]);
  const found = sentence(document, exchange.operation, exchange.response?.status);
  const readings = Object.entries(exchange.readings).map(([id, choice]) => {
    const reading = register.find((reading) => reading.id === id);
    const meaning = reading?.choices?.find((known) => known.id === choice)?.meaning;
    return h('li', null,
      h('a', { href: link('time', { reading: id }) }, id), ' = ', h('code', null, choice),
      reading && h('p', null, prose(reading.question), ' ', meaning && h('span', { class: 'soft' }, prose(meaning))));
  });
  return part('Decided by',
    h('p', null, exchange.rule ? h('code', null, exchange.rule) : 'no rule: a fault answered', ' ', gradeBadge(exchange.grade)),
    found && h('p', null, prose(found), ' ',
      h('a', { href: link(`api/stock/${exchange.operation}`) }, `${exchange.operation} in the API view`)),
    readings.length > 0 && h('ul', { class: 'plain' }, readings));
}

/**
 * The sentence of the contract about an answer.
 * @param {api.Document} document
 * @param {string} operation
 * @param {number | undefined} status
 * @returns {string | undefined}
 */
function sentence(document, operation, status) {
  for (const item of Object.values(document.paths)) {
    for (const about of Object.values(item)) {
      if (about?.operationId !== operation && !about?.['x-also']?.includes(operation)) continue;
      const response = about.responses?.[String(status)];
      const name = response?.$ref?.split('/').pop();
      return (name ? document.components.responses[name] : response)?.description;
    }
  }
  return undefined;
}

/**
 * The members of a stock before and after.
 * @param {api.Diff} diff
 */
export function drawDiff(diff) {
  const added = /** @type {const} */ (['stocks', 'providers', 'stock_locations', 'stock_lists', 'reservations'])
    .flatMap((kind) => (diff[kind].added ?? []).map((row) => h('details', { class: 'added' },
      h('summary', null, h('ins', null, 'added'), ` ${NOUNS[kind]} `, h('code', null, nameOf(row))), json(row))));
  const changed = diff.stocks.changed.map((stock) => h('table', { class: 'diff' },
    h('caption', null, `stock ${stock.id}: `, h('code', null, stock.sku), ` at ${stock.location} of ${stock.provider}`),
    h('thead', null, h('tr', null, ['Member', 'Before', 'After'].map((name) => h('th', { scope: 'col' }, name)))),
    h('tbody', null, Object.entries(stock.changes).map(([name, { before, after }]) => h('tr', null,
      h('th', { scope: 'row' }, name),
      h('td', null, h('del', { class: 'data' }, show(before))),
      h('td', null, h('ins', { class: 'data' }, show(after))))))));
  if (added.length + changed.length === 0) return h('p', { class: 'soft' }, 'Nothing changed.');
  return h('div', null, changed, added);
}

/** @type {Record<string, string>} */
const NOUNS = {
  stocks: 'stock', providers: 'provider', stock_locations: 'location', stock_lists: 'stock list', reservations: 'dated reservation',
};

/** @param {api.Row} row */
const nameOf = (row) => String(row.sku ?? row.code ?? row.name ?? row.id ?? '');

/** @param {unknown} value */
const show = (value) => (typeof value === 'string' ? value : JSON.stringify(value));

/** @param {api.Exchange} exchange */
async function drawChange(exchange) {
  const { world, wrote } = exchange;
  if (!wrote) return null;
  let content;
  try {
    content = drawDiff(await api.diff(world, wrote - 1, wrote));
  } catch (error) {
    content = h('p', { class: 'soft' }, /** @type {Error} */ (error).message);
  }
  return part('Changed in the world', content,
    h('p', null, h('a', { href: link('world', { world, at: String(wrote) }) }, `The world after write ${wrote}`)));
}

/** @param {api.Exchange} exchange */
async function drawFindings(exchange) {
  const verdicts = await api.findings(exchange.world).catch(() => []);
  const about = verdicts.flatMap((verdict) => verdict.findings).filter((finding) => finding.requests.includes(exchange.id));
  return about.length === 0 ? null : part('Findings about the client', about.map((finding) => drawFinding(finding, 'h4')));
}

/**
 * @param {api.Finding} finding
 * @param {'h3' | 'h4'} heading one level below the heading that it stands under
 */
export function drawFinding(finding, heading) {
  return h('article', { class: `finding ${finding.level}` },
    h(heading, null, h('span', { class: 'level' }, finding.level), ' ', finding.id,
      finding.count > 1 && h('span', { class: 'soft' }, ` ${number(finding.count)} times`)),
    h('p', { class: 'data' }, h('code', null, `${finding.method} ${finding.target}`)),
    h('dl', null,
      h('dt', null, 'Sent'), drawSaid(finding.sent),
      finding.meant ? [h('dt', null, 'Meant'), drawSaid(finding.meant)] : [],
      h('dt', null, 'Why'), h('dd', null, prose(finding.why)),
      h('dt', null, 'Source'), h('dd', null, drawSource(finding)),
      h('dt', null, 'Requests'), h('dd', null, finding.requests.map((id) => [h('a', { href: link(`traffic/${id}`) }, id), ' ']),
        finding.count > finding.requests.length && h('span', { class: 'soft' }, `and ${number(finding.count - finding.requests.length)} later`))));
}

/**
 * A part of a request as it came, or a sentence about it: a sentence has names between back-quotes.
 * @param {string} text
 */
function drawSaid(text) {
  return /`\w+`/.test(text) ? h('dd', null, h('bdi', null, prose(text))) : h('dd', { class: 'data' }, text);
}

/**
 * The source of a finding, with a link where the page itself shows more of it.
 * @param {api.Finding} finding
 */
function drawSource({ source: { grade, section, says } }) {
  const named = grade === 'reading' ? h('a', { href: link('time', { reading: section }) }, section) : section;
  return [named, ': ', prose(says), ' ', gradeBadge(grade)];
}

/** @param {api.Exchange} exchange */
function drawFaults(exchange) {
  if (exchange.faults.length + exchange.defects.length === 0) return null;
  return part('Went wrong on purpose',
    h('p', null, [...exchange.faults, ...exchange.defects].map((name) => h('span', { class: 'chip fault' }, name))),
    exchange.plan !== undefined && h('details', null, h('summary', null, 'The plan, with all chance taken out'), json(exchange.plan)));
}

/**
 * The whole exchange. What takes another request comes in when it is there.
 * @param {api.Exchange} exchange
 */
export function drawExchange(exchange) {
  const { request, response } = exchange;
  const decision = h('div', { class: 'slot' });
  const change = h('div', { class: 'slot' });
  const findings = h('div', { class: 'slot' });
  /** @type {[HTMLElement, Promise<HTMLElement | null>][]} */
  const slots = [[decision, drawDecision(exchange)], [change, drawChange(exchange)], [findings, drawFindings(exchange)]];
  for (const [slot, content] of slots) {
    content.then((drawn) => fill(slot, drawn), (error) => fill(slot, h('p', { class: 'soft' }, error.message)));
  }
  const line = curl(exchange);
  return h('article', { class: 'exchange' },
    h('header', null,
      h('h2', null, statusBadge(response?.status), ' ', h('span', { class: 'method' }, request.method), ' ',
        h('code', { class: 'data target' }, request.target)),
      h('dl', { class: 'facts' },
        fact('Number', number(exchange.id)), fact('At', exchange.at), fact('World', exchange.world),
        fact('Operation', exchange.operation), fact('Took', `${(exchange.microseconds / 1000).toFixed(3)} ms`), fact('Version', request.version)),
      h('div', { class: 'actions' },
        button(exchange.faults.length ? 'Repeat this fault' : 'Lose the answer of the next such request',
          () => attempt(() => installAgain(exchange))))),
    drawFaults(exchange),
    decision, findings, change,
    h('div', { class: 'sides' },
      part('Request', drawHeaders(request.headers), drawBody(request.body)),
      part('Answer', response ? [drawHeaders(response.headers), drawBody(response.body)] : h('p', null, 'None: the connection ended, or it hangs.'))),
    part('As a command', code(line), copyButton(() => line)));
}

/**
 * @param {string} name
 * @param {string} value
 */
function fact(name, value) {
  return h('div', null, h('dt', null, name), h('dd', { class: 'data' }, value));
}
