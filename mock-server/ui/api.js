// The data layer: everything that the page asks of the mock passes through here.

import { ask, field, h } from './dom.js';

/** @typedef {{text?: string, base64?: string, bytes: number, truncated?: true}} Body */
/** @typedef {{method: string, target: string, version: string, headers: [string, string][], body: Body}} RequestSeen */
/** @typedef {{status: number, headers: [string, string][], body: Body}} ResponseSeen */
/**
 * @typedef {object} Exchange
 * @property {number} id
 * @property {string} at
 * @property {string} world
 * @property {string} operation
 * @property {string | null} rule
 * @property {string | null} grade
 * @property {Record<string, string>} readings
 * @property {RequestSeen} request
 * @property {ResponseSeen | null} response
 * @property {number} writes_before
 * @property {number | null} wrote
 * @property {number} microseconds
 * @property {string[]} faults
 * @property {string[]} defects
 * @property {unknown} [plan]
 */
/** @typedef {{name: string, seed: string, stocks: number, writes: number, last_used: string | null}} WorldRow */
/** @typedef {Record<string, {before: unknown, after: unknown}>} Members */
/** @typedef {{id: number, sku: string, provider: string, location: string, changes: Members}} Changed */
/** @typedef {Record<string, unknown>} Row */
/**
 * @typedef {object} Diff
 * @property {number} from
 * @property {number} to
 * @property {{added: Row[], changed: Changed[]}} stocks
 * @property {{added: Row[] | null}} providers
 * @property {{added: Row[] | null}} stock_locations
 * @property {{added: Row[] | null}} stock_lists
 * @property {{added: Row[] | null}} reservations
 */
/** @typedef {{seq: number, at: string, method: string, target: string}} WriteRow */
/** @typedef {{first: number, last: number, writes: WriteRow[]}} Writes */
/** @typedef {{status: number, rule: string, grade: string, wrote: number | null, body: unknown}} Answer */
/** @typedef {{section: string, quote: string} | {facts: string}} Evidence */
/**
 * @typedef {object} Reading
 * @property {string} id
 * @property {string} question
 * @property {Evidence[]} evidence
 * @property {{id: string, meaning: string}[]} [choices]
 * @property {{minimum: number, maximum: number}} [number]
 * @property {string | number} default
 * @property {string | number} in_force
 * @property {string[]} operations
 */
/** @typedef {{name: string, match?: Row, fault: {kind: string} & Row, when?: string, times?: number, ttl_seconds?: number, matched?: number, fired?: number}} Rule */
/** @typedef {{seed?: number, rules: Rule[]}} Faults */
/** @typedef {{grade: string, section: string, says: string}} Source */
/** @typedef {{id: string, level: string, request: number, at: string, method: string, target: string, sent: string, meant: string | null, why: string, source: Source, count: number, requests: number[]}} Finding */
/** @typedef {{name: string, operation: string, status: number, what: string, count: number}} Documented */
/** @typedef {{requests: number, documented: Documented[], later_pages: number, whole_walks: number, rules: {operation: string, rule: string, count: number}[]}} Coverage */
/** @typedef {{world: string, findings: Finding[], left_out: number, percent: number, coverage: Coverage}} Verdict */
/** @typedef {{mode: string, now: string, tick_microseconds?: number, speed?: number}} Clock */
/** @typedef {Record<string, any>} Document An OpenAPI document. */

const TOKEN = 'whippy-mock-admin-token';

const place = /^(.*?)(?:\/worlds\/([^/]+))?\/__admin\//.exec(location.pathname);

/** Where the paths of the server begin. */
export const root = location.origin + (place?.[1] ?? '');

/** The world whose admin path this page was opened by. */
export const openedFor = place?.[2] ? decodeURIComponent(place[2]) : '';

/** A refusal, in the mock's own words. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {string} detail
   */
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** @type {Promise<void> | null} */
let asking = null;

/** Asks for the admin token once, however many requests wait for it. */
function askForToken() {
  asking ??= (async () => {
    const was = sessionStorage.getItem(TOKEN) !== null;
    const given = await ask('Admin token', [
      h('p', null, was ? 'The mock does not take this token.' : 'This mock was started with --admin-token.',
        ' The token is kept until this tab is closed.'),
      field('Token', h('input', { type: 'password', name: 'token', required: true, autocomplete: 'off' })),
    ], 'Use it');
    asking = null;
    if (!given) throw new Refused(401, 'The admin token is needed. Reload the page to be asked again.');
    sessionStorage.setItem(TOKEN, String(given.get('token')));
  })();
  return asking;
}

/**
 * Sends an admin request; whatever is not a success is thrown.
 * @param {string} method
 * @param {string} path after `/__admin/`
 * @param {unknown} [body]
 * @param {AbortSignal} [signal]
 * @returns {Promise<Response>}
 */
async function send(method, path, body, signal) {
  for (;;) {
    /** @type {Record<string, string>} */
    const headers = {};
    const token = sessionStorage.getItem(TOKEN);
    if (token !== null) headers.Authorization = `Bearer ${token}`;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    const response = await fetch(`${root}/__admin/${path}`, {
      method,
      headers,
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
      signal,
      cache: 'no-store',
    });
    if (response.ok) return response;
    const text = await response.text();
    if (response.status === 401) {
      await askForToken();
      continue;
    }
    throw new Refused(response.status, detailOf(text) ?? `The mock answered ${response.status}.`);
  }
}

/** @param {string} text */
function detailOf(text) {
  try {
    const { detail } = JSON.parse(text);
    return typeof detail === 'string' ? detail : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param {Record<string, string | number | null | undefined>} parameters what is empty is left out
 */
export function query(parameters) {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== '') pairs.set(name, String(value));
  }
  const text = pairs.toString();
  return text ? `?${text}` : '';
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<any>}
 */
async function call(method, path, body) {
  const response = await send(method, path, body);
  return response.status === 204 ? null : response.json();
}

/** @type {Map<string, Promise<any>>} */
const known = new Map();

/**
 * What does not change while the mock runs.
 * @param {string} path
 */
function once(path) {
  let answer = known.get(path);
  if (!answer) {
    answer = call('GET', path);
    answer.catch(() => known.delete(path));
    known.set(path, answer);
  }
  return answer;
}

/**
 * An answer, or what stands for it where the world is not there yet.
 * @template T
 * @param {Promise<T>} answer
 * @param {T} otherwise
 * @returns {Promise<T>}
 */
export function orElse(answer, otherwise) {
  return answer.catch((error) => {
    if (error instanceof Refused && error.status === 404) return otherwise;
    throw error;
  });
}

const named = encodeURIComponent;

/** @returns {Promise<{version: string, seeds: string[], journal: {exchanges: number}, data: unknown}>} */
export const settings = () => once('settings');
/** @returns {Promise<Document>} */
export const stockApi = () => once('openapi.json');
/** @returns {Promise<Document>} */
export const adminApi = () => once('admin.openapi.json');
/** @returns {Promise<{name: string, seed?: number, rules: Rule[]}[]>} */
export const presets = () => once('faults/presets').then((answer) => answer.presets);

/** The operations of the API, as the journal names them. */
export async function operationIds() {
  const document = await stockApi();
  const abouts = Object.values(document.paths).flatMap((item) => Object.values(item));
  const ids = abouts.flatMap((about) => (about.operationId ? [about.operationId, ...(about['x-also'] ?? [])] : []));
  return /** @type {string[]} */ ([...ids.filter((id) => id !== 'list-active-stocks-alias'), 'unrouted']);
}

/** @returns {Promise<WorldRow[]>} */
export const worlds = () => call('GET', 'worlds').then((answer) => answer.worlds);
/** @param {string} world */
export const exportWorld = (world) => send('GET', `worlds/${named(world)}`).then((answer) => answer.text());
/** @param {string} world @param {string} json */
export const importWorld = (world, json) => call('PUT', `worlds/${named(world)}`, json);
/** @param {string} world */
export const dropWorld = (world) => call('DELETE', `worlds/${named(world)}`);
/** @param {string} world @param {string} name */
export const forkWorld = (world, name) => call('POST', `worlds/${named(world)}/fork`, { as: name });
/** @param {string} world @param {string} seed the name of a built-in world; empty for that of the command line */
export const resetWorld = (world, seed) => call('POST', `worlds/${named(world)}/reset`, seed ? { world: seed } : {});
/** @param {string} world @param {number} from @param {number} to @returns {Promise<Diff>} */
export const diff = (world, from, to) => call('GET', `worlds/${named(world)}/diff${query({ from, to })}`);
/** @param {string} world @param {{since?: number, limit?: number}} which @returns {Promise<Writes>} */
export const writes = (world, which) => call('GET', `worlds/${named(world)}/writes${query(which)}`);
/**
 * Asks the API past the journal, the judge and the faults.
 * @param {string} world
 * @param {{method: string, target: string, body?: unknown, at?: number}} question
 * @returns {Promise<Answer>}
 */
export const askWorld = (world, question) => call('POST', `worlds/${named(world)}/ask`, question);

/**
 * The exchanges of the journal. A world that is not there yet has none.
 * @param {Record<string, string | number>} which
 * @returns {Promise<{count: number, dropped: number, requests: Exchange[]}>}
 */
export const requests = (which) => orElse(call('GET', `requests${query(which)}`), { count: 0, dropped: 0, requests: [] });
/** @param {number} id @returns {Promise<Exchange>} */
export const request = (id) => call('GET', `requests/${id}`);
/** @param {string} world */
export const clearRequests = (world) => call('DELETE', `requests${query({ world })}`);
/** @param {string} path @returns {Promise<string>} */
export const text = (path) => send('GET', path).then((answer) => answer.text());

/**
 * The findings and the coverage of a world, or of all of them.
 * @param {string} world
 * @param {{isWhole?: boolean}} [options] without `isWhole`, the coverage leaves out the rules that were never met
 * @returns {Promise<Verdict[]>}
 */
export const findings = (world, { isWhole = false } = {}) => call('GET', `findings${query({ world, all: isWhole ? 'true' : '' })}`).then((answer) => answer.worlds);
/** @param {string} world */
export const clearFindings = (world) => call('DELETE', `findings${query({ world })}`);

/** @param {string} world @returns {Promise<Faults>} */
export const faults = (world) => call('GET', `faults${query({ world })}`);
/** @param {string} world @param {Faults} rules @returns {Promise<Faults>} */
export const setFaults = (world, rules) => call('PUT', `faults${query({ world })}`, rules);

/** @param {string} world @returns {Promise<Clock>} */
export const clock = (world) => call('GET', `clock${query({ world })}`);
/** @param {string} world @param {Row} setting @returns {Promise<Clock>} */
export const setClock = (world, setting) => call('PUT', `clock${query({ world })}`, setting);
/** @param {string} world @param {number} seconds @returns {Promise<Clock>} */
export const advance = (world, seconds) => call('POST', `clock/advance${query({ world })}`, { seconds });
/** @param {string} world @returns {Promise<Reading[]>} */
export const readings = (world) => call('GET', `readings${query({ world })}`).then((answer) => answer.readings);
/** @param {string} world @param {Record<string, string | number>} choices */
export const setReadings = (world, choices) => call('PUT', `readings${query({ world })}`, choices);

/** The path of the API in a world. @param {string} world */
export const mountOf = (world) => (world === 'default' ? '' : `/worlds/${named(world)}`);

/**
 * Sends a request to the API itself, as a client does.
 * @param {string} world
 * @param {{method: string, target: string, body?: string, token: string}} question
 */
export async function asClient(world, { method, target, body, token }) {
  const began = performance.now();
  const response = await fetch(root + mountOf(world) + target, {
    method,
    headers: {
      Authorization: `Token ${token}`,
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    },
    body,
    cache: 'no-store',
  });
  return {
    status: response.status,
    rule: response.headers.get('whippy-mock-rule'),
    body: await response.text(),
    took: performance.now() - began,
  };
}

/**
 * @typedef {object} Follower
 * @property {(exchange: Exchange) => void} exchange
 * @property {(count: number) => void} skipped exchanges that were left out, by sampling or for lack of room
 * @property {(isLive: boolean) => void} state
 */

/** Exchanges a second that the page takes; the rest is counted. */
export const SAMPLED = 50;

/** Numbers of exchanges that a follower remembers, to take none of them twice. */
const REMEMBERED = 1000;

/** Exchanges before the last one that are asked for once more: numbers are not quite in order. */
const OVERLAP = 32;

/** How long the page waits before it follows again, milliseconds. */
const AGAIN = 1000;

/**
 * Follows the exchanges until the signal aborts. After an interruption it goes on behind
 * the last exchange that it saw.
 * @param {Record<string, string>} which
 * @param {number} last
 * @param {Follower} follower
 * @param {AbortSignal} signal
 */
export async function follow(which, last, follower, signal) {
  // Numbers may arrive slightly out of order, so that the last alone does not tell.
  /** @type {Set<number>} */
  const seen = new Set();
  const before = last;
  /** @param {Exchange} exchange */
  const take = (exchange) => {
    if (exchange.id <= before || seen.has(exchange.id)) return;
    seen.add(exchange.id);
    if (seen.size > REMEMBERED) seen.delete(/** @type {number} */ (seen.values().next().value));
    last = Math.max(last, exchange.id);
    follower.exchange(exchange);
  };
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    try {
      const stream = await send('GET', `requests/stream${query({ ...which, per_second: SAMPLED })}`, undefined, signal);
      // What happened between the list or the last stream and this one.
      const missed = await requests({ ...which, since: Math.max(0, last - OVERLAP), limit: 200 });
      missed.requests.forEach(take);
      if (missed.count > missed.requests.length) follower.skipped(missed.count - missed.requests.length);
      follower.state(true);
      await read(stream, (event, data) => {
        if (event === 'exchange') take(data);
        else if (event === 'lost' || event === 'skipped') follower.skipped(data.exchanges);
      });
    } catch (error) {
      if (signal.aborted) return;
      if (isFirst && error instanceof Refused) throw error;
    }
    follower.state(false);
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
  }
}

/**
 * Reads server-sent events.
 * @param {Response} stream
 * @param {(event: string, data: any) => void} take
 */
async function read(stream, take) {
  const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const part = await reader?.read();
    if (!part || part.done) return;
    const events = (rest + part.value).split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) {
      const lines = event.split('\n');
      /** @param {string} name */
      const member = (name) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const data = member('data');
      if (data) take(member('event') ?? 'message', JSON.parse(data));
    }
  }
}
