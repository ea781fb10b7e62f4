// What goes wrong between the mock and its clients: switches, a form, and what fired.

import * as api from './api.js';
import { link } from './address.js';
import { bare, install, installAgain, putOnShelf, shelved } from './again.js';
import { attempt, button, download, field, fill, h, json, notice, number, select, statusBadge } from './dom.js';

/** @typedef {import('./app.js').Visit} Visit */

/** How often counts are read again, milliseconds. */
const EVERY = 2000;

/** Exchanges of the journal in which fired faults are looked for. */
const LOOKED_AT = 1000;

/** Fired faults that are listed. */
const LISTED = 50;

/** @type {Record<string, string>} */
const KINDS = {
  status: 'refused with a status', delay: 'time passes', 'slow-body': 'the body comes in pieces', 'empty-reply': 'closed without a byte',
  reset: 'reset without a byte', 'truncated-body': 'cut off in the body', 'malformed-body': 'a body that is no JSON', garbage: 'bytes that are no HTTP',
  'wrong-content-type': 'claims another type', 'stale-read': 'answered from the past', 'duplicate-row': 'a page repeats a row',
  'skipped-row': 'a page leaves out a row', defect: 'a defect of the mock', hold: 'held until another commits',
};

/** What a kind takes: a name, a default, and what it is. @type {Record<string, [string, string, string][]>} */
const TAKES = {
  status: [['status', '503', '400, 401, 403, 404, 429, 500, 502, 503 or 504'], ['retry_after', '', 'seconds, for 429 and 503']],
  delay: [['milliseconds', '1000', '']],
  'slow-body': [['chunks', '10', 'pieces'], ['over_milliseconds', '5000', '']],
  'truncated-body': [['fraction', '0.5', 'part of the body']],
  garbage: [['bytes', '256', '']],
  'wrong-content-type': [['content_type', 'text/html', '']],
  'stale-read': [['writes', '3', 'how many writes ago']],
  defect: [['name', 'create-answers-200', 'one of `whippy-mock defects`']],
  hold: [['until_commit', '*-reserved-stock', 'operation'], ['milliseconds', '5000', 'at most']],
};

/** Kinds that are always on the same side of the commit. */
const SIDELESS = new Set(['slow-body', 'truncated-body', 'malformed-body', 'wrong-content-type', 'stale-read', 'duplicate-row', 'skipped-row', 'defect']);

/** Members of a kind that are text; the others are numbers. */
const TEXTS = new Set(['content_type', 'name', 'until_commit']);

/** @param {Visit} visit */
export async function faults(visit) {
  const { main, world, signal } = visit;
  const [builtIn, operations] = await Promise.all([api.presets(), api.operationIds()]);
  /** @type {api.Faults} */
  let now = { rules: [] };
  const switches = h('ul', { class: 'switches' });
  const rules = h('ul', { class: 'switches' });
  const fired = h('div', { class: 'slot' });

  /**
   * @param {api.Rule[]} wanted
   * @param {string} done
   * @param {number} [seed]
   */
  const change = (wanted, done, seed = now.seed) => attempt(async () => {
    now = await install(world, { seed, rules: wanted });
    draw();
  }, done);

  const draw = () => {
    const inForce = new Map(now.rules.map((rule) => [rule.name, rule]));
    fill(switches, builtIn.map((preset) => {
      const isOn = preset.rules.every((rule) => inForce.has(rule.name));
      const others = now.rules.filter((rule) => !preset.rules.some(({ name }) => name === rule.name));
      return h('li', null,
        toggle(preset.name, isOn, () => change(isOn ? others : [...others, ...preset.rules],
          isOn ? `${preset.name} is over.` : `${preset.name} is in force.`, isOn ? now.seed : preset.seed)),
        h('details', null, h('summary', null, preset.rules.length === 1 ? '1 rule' : `${preset.rules.length} rules`), json(preset.rules)));
    }));
    const off = shelved(world).filter((rule) => !inForce.has(rule.name));
    fill(rules, now.rules.length + off.length === 0 ? h('li', { class: 'soft' }, 'No rules: nothing goes wrong on purpose.') : [
      ...now.rules.map((rule) => drawRule(rule, true, () => {
        putOnShelf(world, [rule]);
        return change(now.rules.filter(({ name }) => name !== rule.name), `${rule.name} is off.`);
      })),
      ...off.map((rule) => drawRule(rule, false, () => change([...now.rules, rule], `${rule.name} is on.`))),
    ]);
  };

  fill(main,
    h('header', { class: 'title' },
      h('h1', null, 'Faults', world ? [' of ', h('bdi', { class: 'data' }, world)] : ' of all worlds'),
      h('div', { class: 'actions' },
        button('All off', () => { putOnShelf(world, now.rules); return change([], 'No fault is in force.'); }),
        button('Download as a file', () => download('faults.json', JSON.stringify({ seed: now.seed, rules: now.rules.map(bare) }, null, 2), 'application/json')))),
    h('p', { class: 'soft' }, 'Every change sets the counts of all rules back to zero.', world ? '' : ' The counts are those of the world default.'),
    h('h2', null, 'Built in'), switches,
    h('h2', null, 'Rules'), rules,
    h('details', { class: 'card', open: visit.rest[0] === 'new' || visit.query.has('rule') }, h('summary', null, 'Add a rule'),
      drawForm(visit, operations, (rule) => {
        if (now.rules.some(({ name }) => name === rule.name)) {
          notice(`There is a rule ${rule.name} already: no two rules have one name.`, true);
          return;
        }
        return change([...now.rules, rule], `${rule.name} is in force.`);
      })),
    h('h2', null, 'What fired'), fired);

  visit.poll(EVERY, async () => {
    const [is, journal] = await Promise.all([api.orElse(api.faults(world), { rules: [] }), api.requests({ world, limit: LOOKED_AT })]);
    if (signal.aborted) return;
    const key = JSON.stringify(is);
    if (key !== JSON.stringify(now) || switches.childElementCount === 0) {
      now = is;
      draw();
    }
    const hit = journal.requests.filter((exchange) => exchange.faults.length > 0);
    fill(fired, drawFired(hit));
  });
}

/**
 * @param {string} name
 * @param {boolean} isOn
 * @param {() => unknown} act
 */
function toggle(name, isOn, act) {
  return h('button', { type: 'button', role: 'switch', 'aria-checked': String(isOn), class: 'switch', onclick: act },
    h('span', { class: 'knob', 'aria-hidden': 'true' }), h('span', null, name));
}

/**
 * @param {api.Rule} rule
 * @param {boolean} isOn
 * @param {() => unknown} act
 */
function drawRule(rule, isOn, act) {
  const { kind, ...takes } = rule.fault;
  return h('li', null,
    toggle(rule.name, isOn, act),
    h('p', null, h('span', { class: 'chip fault', title: KINDS[kind] }, kind), ' ',
      h('span', { class: 'soft' }, [...Object.entries(takes), ...Object.entries(rule.match ?? {})].map(([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`).join(', '),
        rule.when === 'after' ? ', after the commit' : '', rule.times ? `, ${rule.times} times at most` : '')),
    isOn && h('p', { class: 'soft' }, `matched ${number(rule.matched ?? 0)}, fired ${number(rule.fired ?? 0)}`),
    h('details', null, h('summary', null, 'As JSON'), json(bare(rule))));
}

/** @param {api.Exchange[]} hit */
function firedCount(hit) {
  const count = hit.reduce((sum, exchange) => sum + exchange.faults.length, 0);
  return count === 1 ? '1 fault fired' : `${number(count)} faults fired`;
}

/** @param {api.Exchange[]} hit the oldest first */
function drawFired(hit) {
  if (hit.length === 0) return h('p', { class: 'empty' }, 'Nothing in the exchanges that the journal has.');
  const shown = hit.slice(-LISTED).reverse();
  return [
    h('p', { class: 'soft' }, firedCount(hit), ', newest first', hit.length > LISTED ? `; the last ${LISTED} exchanges are shown` : ''),
    h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'What fired' }, h('table', { class: 'grid' },
      h('thead', null, h('tr', null, ['At', 'Rules', 'Request', 'Status', 'Repeat'].map((name) => h('th', { scope: 'col' }, name)))),
      h('tbody', null, shown.map((exchange) => h('tr', null,
        h('td', null, exchange.at.slice(11, 23)),
        h('td', null, exchange.faults.map((name) => h('span', { class: 'chip fault' }, name))),
        h('td', { class: 'data' }, h('a', { href: link(`traffic/${exchange.id}`) }, `${exchange.request.method} ${exchange.request.target}`)),
        h('td', null, statusBadge(exchange.response?.status)),
        h('td', null, button('Repeat', () => attempt(() => installAgain(exchange)), { 'aria-label': `Repeat the fault of exchange ${exchange.id}`, class: 'quiet' }))))))),
  ];
}

/**
 * @param {Visit} visit
 * @param {string[]} operations
 * @param {(rule: api.Rule) => unknown} add
 */
function drawForm(visit, operations, add) {
  const kind = select(Object.entries(KINDS).map(([id, about]) => /** @type {[string, string]} */ ([id, `${id}: ${about}`])), 'status', { name: 'kind' });
  const takes = h('div', { class: 'filters' });
  const when = field('When', select([['before', 'before the commit'], ['after', 'after the commit']], 'before', { name: 'when' }));
  const drawTakes = () => {
    fill(takes, (TAKES[kind.value] ?? []).map(([name, value, about]) => field(name, h('input', { name: `fault.${name}`, value, title: about, placeholder: about }))));
    when.hidden = SIDELESS.has(kind.value);
  };
  kind.addEventListener('change', drawTakes);
  drawTakes();
  /** @param {string} name @param {string} label @param {Record<string, unknown>} [more] */
  const input = (name, label, more = {}) => field(label, h('input', { name, ...more }));
  const form = h('form', {
    onsubmit: (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      add(ruleOf(new FormData(form)));
    },
  },
  h('div', { class: 'filters' }, input('name', 'Name', { required: true, pattern: '[A-Za-z0-9_.\\/\\-]{1,64}', value: `rule-${visit.query.get('rule') ?? Math.floor(performance.now()) % 10_000}` }), field('Fault', kind)),
  takes,
  h('fieldset', null, h('legend', null, 'Which requests'),
    h('div', { class: 'filters' },
      field('Operation', select([['', 'any'], ...operations], '', { name: 'match.operation' })),
      field('Method', select([['', 'any'], 'GET', 'POST', 'OPTIONS'], '', { name: 'match.method' })),
      input('sku', 'SKU in the body'), input('match.nth', 'Only the nth', { type: 'number', min: '1' }),
      input('match.every', 'Every nth', { type: 'number', min: '1' }), input('match.probability', 'Probability', { type: 'number', min: '0', max: '1', step: 'any' }))),
  h('div', { class: 'filters' }, when, input('times', 'Times at most', { type: 'number', min: '1' }), input('ttl_seconds', 'Over after seconds', { type: 'number', min: '1' })),
  h('div', { class: 'actions' }, h('button', { class: 'primary' }, 'Put in force')));
  return form;
}

/**
 * @param {FormData} data
 * @returns {api.Rule}
 */
function ruleOf(data) {
  /** @param {string} name */
  const text = (name) => String(data.get(name) ?? '').trim();
  const kind = text('kind');
  /** @type {api.Row} */
  const fault = {};
  /** @type {api.Row} */
  const match = {};
  for (const [name, value] of data) {
    const [group, member] = name.split('.');
    if (!member || value === '') continue;
    const into = group === 'fault' ? fault : match;
    into[member] = TEXTS.has(member) || ['operation', 'method'].includes(member) ? value : Number(value);
  }
  if (text('sku')) match.body = { sku: text('sku') };
  /** @type {api.Rule} */
  const rule = { name: text('name'), fault: { kind, ...fault } };
  if (Object.keys(match).length > 0) rule.match = match;
  if (!SIDELESS.has(kind) && text('when') === 'after') rule.when = 'after';
  if (text('times')) rule.times = Number(text('times'));
  if (text('ttl_seconds')) rule.ttl_seconds = Number(text('ttl_seconds'));
  return rule;
}
