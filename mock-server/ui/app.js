// The page: which view is shown, of which world, and what goes away when it is left.

import { here, link } from './address.js';
import * as api from './api.js';
import { fill, h, notice } from './dom.js';
import { client } from './client.js';
import { faults } from './faults.js';
import { reference } from './reference.js';
import { time } from './time.js';
import { traffic } from './traffic.js';
import { world } from './world.js';

/**
 * @typedef {object} Visit
 * @property {HTMLElement} main the place to draw in
 * @property {string} world its name; empty where all are meant
 * @property {string} one its name; `default` where all are meant
 * @property {string[]} rest what follows the view's name in the address
 * @property {URLSearchParams} query
 * @property {AbortSignal} signal aborts when the view is left
 * @property {(changes: Record<string, string>) => void} keep writes to the address, and draws nothing
 * @property {() => void} again draws the view once more
 * @property {(every: number, act: () => Promise<unknown>) => void} poll now, and again until the view is left
 * @property {() => Promise<void>} refresh reads the list of worlds again
 * @property {((rest: string[], query: URLSearchParams) => boolean) | null} moved follows an address within the view;
 *   false where the view has to be drawn anew
 */

/** @type {[string, string, (visit: Visit) => unknown][]} */
const VIEWS = [
  ['traffic', 'Traffic', traffic],
  ['world', 'World', world],
  ['client', 'Client', client],
  ['faults', 'Faults', faults],
  ['time', 'Clock', time],
  ['api', 'API', reference],
];

/** Worlds that the list of the page's head offers. */
const OFFERED = 500;

/** How often the list of worlds is read again, milliseconds. */
const WORLDS_EVERY = 3000;

const main = /** @type {HTMLElement} */ (document.getElementById('main'));
const nav = /** @type {HTMLElement} */ (document.getElementById('nav'));
const worldSelect = /** @type {HTMLSelectElement} */ (document.getElementById('world'));
const state = /** @type {HTMLElement} */ (document.getElementById('state'));

let left = new AbortController();

/** @type {Visit | null} */
let current = null;
let currentView = '';

function draw() {
  const { view, rest, query, world: name } = here();
  const found = VIEWS.find(([id]) => id === view) ?? VIEWS[0];
  left.abort();
  left = new AbortController();
  const { signal } = left;
  chooseWorld(name);
  fill(nav, VIEWS.map(([id, title]) => h('a', {
    href: link(id), 'aria-current': id === found?.[0] ? 'page' : null,
  }, title)));
  nav.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  document.title = `${found?.[1]} - whippy-mock`;
  const section = h('section', { class: `view ${found?.[0]}` });
  fill(main, section);
  /** @type {Visit} */
  const visit = {
    main: section,
    world: name,
    one: name || 'default',
    rest,
    query,
    signal,
    keep(changes) {
      for (const [key, value] of Object.entries(changes)) {
        if (value) query.set(key, value);
        else query.delete(key);
      }
      const text = query.toString();
      const path = [found?.[0] ?? '', ...here().rest].map(encodeURIComponent).join('/');
      history.replaceState(null, '', `#/${path}${text ? `?${text}` : ''}`);
    },
    again: draw,
    poll(every, act) {
      void repeat(every, act, signal);
    },
    refresh: listWorlds,
    moved: null,
  };
  current = visit;
  currentView = found?.[0] ?? '';
  Promise.resolve()
    .then(() => found?.[2](visit))
    .catch((error) => {
      if (!signal.aborted) fill(section, h('p', { class: 'empty bad', role: 'alert' }, error.message));
    });
}

/**
 * Does something every so many milliseconds, while the tab is looked at.
 * @param {number} every
 * @param {() => Promise<unknown>} act
 * @param {AbortSignal} signal
 */
async function repeat(every, act, signal) {
  let failed = false;
  while (!signal.aborted) {
    if (!document.hidden) {
      try {
        await act();
        failed = false;
      } catch (error) {
        if (!failed && !signal.aborted) notice(/** @type {Error} */ (error).message, true);
        failed = true;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}

/** @param {string} name */
function chooseWorld(name) {
  if (![...worldSelect.options].some((option) => option.value === name)) {
    worldSelect.append(h('option', { value: name }, name || 'all worlds'));
  }
  worldSelect.value = name;
}

let offered = '';

async function listWorlds() {
  const rows = await api.worlds();
  const recent = rows.slice(1).sort((a, b) => (b.last_used ?? '').localeCompare(a.last_used ?? '')).slice(0, OFFERED);
  const names = ['', ...rows.slice(0, 1).map((row) => row.name), ...recent.map((row) => row.name)];
  const chosen = worldSelect.value;
  if (chosen && !names.includes(chosen)) names.push(chosen);
  const key = names.join('\n');
  if (key !== offered) {
    offered = key;
    fill(worldSelect, names.map((name) => h('option', { value: name }, name || 'all worlds')));
    chooseWorld(chosen);
  }
  state.textContent = rows.length > 1 ? `${rows.length} worlds` : '';
}

async function begin() {
  worldSelect.addEventListener('change', () => {
    const { view, query } = here();
    if (!worldSelect.value && api.openedFor) {
      // The path itself names the world.
      location.assign(`${api.root}/__admin/#/${view}`);
      return;
    }
    query.delete('at');
    query.delete('page');
    query.set('world', worldSelect.value);
    if (!worldSelect.value) query.delete('world');
    location.hash = `#/${view}${api.query(Object.fromEntries(query))}`;
  });
  addEventListener('hashchange', () => {
    const { view, rest, query, world: name } = here();
    const isSame = view === currentView && name === current?.world;
    if (isSame && current?.moved?.(rest, query)) return;
    draw();
  });
  try {
    const { version } = await api.settings();
    fill(/** @type {HTMLElement} */ (document.getElementById('version')), version);
    await listWorlds();
  } catch (error) {
    fill(main, h('p', { class: 'empty bad', role: 'alert' }, /** @type {Error} */ (error).message));
    return;
  }
  draw();
  let isUp = true;
  const endless = new AbortController().signal;
  void repeat(WORLDS_EVERY, async () => {
    try {
      await listWorlds();
      if (!isUp) draw();
      isUp = true;
    } catch {
      isUp = false;
      state.textContent = 'The mock does not answer.';
    }
  }, endless);
}

void begin();
