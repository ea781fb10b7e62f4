// A rule of faults out of an exchange, so that the same happens once more.

import * as api from './api.js';
import { notice } from './dom.js';

/** Statuses that a fault can answer. */
const STATUSES = new Set([400, 401, 403, 404, 429, 500, 502, 503, 504]);

/** A rule without its counts. @param {api.Rule} rule @returns {api.Rule} */
export const bare = ({ matched: _matched, fired: _fired, ...rule }) => rule;

/**
 * Rules as they are put again beside others: what they may still fire, and without those
 * that are spent, since every rule counts anew.
 * @param {api.Rule[]} rules
 */
export function carried(rules) {
  const left = rules.map(({ fired = 0, matched: _matched, ...rule }) => (rule.times ? { ...rule, times: rule.times - fired } : rule));
  return left.filter((rule) => rule.times === undefined || rule.times > 0);
}

/**
 * A rule by which what went wrong in an exchange happens once more; where nothing did, the
 * answer gets lost after the commit.
 * @param {api.Exchange} exchange
 * @returns {Promise<api.Rule>}
 */
export async function againOf(exchange) {
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
 * @param {api.Exchange} exchange
 * @param {api.Rule} rule
 */
export async function installAgain(exchange, rule) {
  const { seed, rules } = await api.faults(exchange.world);
  // The first rule that decides an answer wins.
  await api.setFaults(exchange.world, { seed: seed ?? 0, rules: [rule, ...carried(rules)] });
  notice(`${rule.name}: the next ${String(rule.match?.operation)}${rule.match?.body ? ' of this SKU' : ''} meets ${rule.fault.kind}${rule.when === 'after' ? ' after the commit' : ''}.`);
}
