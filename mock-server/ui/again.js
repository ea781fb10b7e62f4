// Changes of the rules in force, and the rule out of an exchange by which its fault is repeated.

import * as api from './api.js';
import { confirmed, h, notice } from './dom.js';

/** Statuses that a fault can answer. */
const STATUSES = new Set([400, 401, 403, 404, 429, 500, 502, 503, 504]);

/** A rule without its counts. @param {api.Rule} rule @returns {api.Rule} */
export const bare = ({ matched: _matched, fired: _fired, ...rule }) => rule;

/** A rule that has fired as often as it may. @param {api.Rule} rule */
const isSpent = ({ times, fired = 0 }) => times !== undefined && fired >= times;

/** Rules that are switched off are remembered in the tab. @param {string} world */
const shelf = (world) => `whippy-mock-faults-off:${world || 'default'}`;

/** @param {string} world @returns {api.Rule[]} */
export function shelved(world) {
  try {
    return JSON.parse(sessionStorage.getItem(shelf(world)) ?? '[]');
  } catch {
    return [];
  }
}

/** @param {string} world @param {api.Rule[]} rules */
export function putOnShelf(world, rules) {
  const latest = new Map([...shelved(world), ...rules.map(bare)].map((rule) => [rule.name, rule]));
  sessionStorage.setItem(shelf(world), JSON.stringify([...latest.values()].slice(-100)));
}

/**
 * Puts rules in force in place of those that are. Every rule then counts from zero, so that
 * `times` becomes what a rule may still fire, and a spent rule is switched off.
 * @param {string} world
 * @param {api.Faults} wanted
 */
export function install(world, { seed, rules }) {
  putOnShelf(world, rules.filter(isSpent));
  const left = rules.filter((rule) => !isSpent(rule)).map((rule) => ({
    ...bare(rule), ...(rule.times === undefined ? {} : { times: rule.times - (rule.fired ?? 0) }),
  }));
  return api.setFaults(world, { seed: seed ?? 0, rules: left });
}

/**
 * A rule by which the fault of an exchange is repeated; where it met none, the answer gets lost
 * after the commit.
 * @param {api.Exchange} exchange
 * @returns {Promise<api.Rule>}
 */
async function againOf(exchange) {
  const [{ rules }, builtIn] = await Promise.all([api.orElse(api.faults(exchange.world), { rules: [] }), api.presets()]);
  const known = [...rules, ...builtIn.flatMap((preset) => preset.rules)].find(({ name }) => exchange.faults.includes(name));
  const status = exchange.response?.status ?? 0;
  const fallback = STATUSES.has(status) && exchange.faults.length
    ? { fault: { kind: 'status', status } }
    : { fault: { kind: 'reset' }, when: 'after' };
  /** @type {api.Row} */
  const match = { operation: exchange.operation };
  const sku = skuOf(exchange.request.body.text);
  if (sku !== undefined) match.body = { sku };
  const { fault, when } = known ?? fallback;
  const taken = new Set(rules.map(({ name }) => name));
  let name = `again-${exchange.id}`;
  for (let at = 2; taken.has(name); at += 1) name = `again-${exchange.id}-${at}`;
  return { name, match, fault, ...(when ? { when } : {}), times: 1 };
}

/** @param {string | undefined} body */
function skuOf(body) {
  try {
    const { sku } = JSON.parse(body ?? '');
    return typeof sku === 'string' || typeof sku === 'number' ? sku : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Adds a rule out of an exchange, and asks first where that changes the other rules.
 * @param {api.Exchange} exchange
 */
export async function installAgain(exchange) {
  const rule = await againOf(exchange);
  const { seed, rules } = await api.orElse(api.faults(exchange.world), { rules: [] });
  const effect = `The next ${String(rule.match?.operation)}${rule.match?.body ? ' of this SKU' : ''} meets ${rule.fault.kind}${rule.when === 'after' ? ' after the commit' : ''}.`;
  if (rules.length > 0 && !await confirmed(`Add the rule ${rule.name}`, [effect, ' ', ...consequences(rules)], 'Add the rule')) return;
  // The first rule that decides an answer wins.
  await install(exchange.world, { seed, rules: [rule, ...rules] });
  notice(`${rule.name}: ${effect}`);
}

/**
 * The effect of a change on the rules that are in force.
 * @param {api.Rule[]} rules
 * @returns {import('./dom.js').Children[]}
 */
function consequences(rules) {
  /** @param {api.Rule[]} some */
  const names = (some) => some.flatMap(({ name }, at) => [at > 0 && ', ', h('code', null, name)]);
  const [spent, others] = [true, false].map((is) => rules.filter((rule) => isSpent(rule) === is));
  return [
    others?.length ? ['With every change the rules in force count their requests from zero again: ', names(others), '. '] : [],
    spent?.length ? ['What has fired as often as it may is switched off, and stays in the list of this tab: ', names(spent), '.'] : [],
  ];
}
