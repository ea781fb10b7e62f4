// The clock of a world, and the readings that are in force in it.

import * as api from './api.js';
import { ask, attempt, button, download, field, fill, h, prose } from './dom.js';

/** @typedef {import('./app.js').Visit} Visit */

/** How often the clock is read, milliseconds. */
const EVERY = 1000;

/** @type {[string, number][]} */
const STEPS = [['+1 s', 1], ['+1 min', 60], ['+1 h', 3600], ['+1 day', 86_400]];

/** @param {Visit} visit */
export async function time(visit) {
  const { main, one, signal } = visit;
  const face = h('p', { class: 'clock data' });
  const mode = h('p', { class: 'soft' });
  const list = h('div', { class: 'slot' });

  /** @param {api.Clock} clock */
  const show = (clock) => {
    fill(face, clock.now);
    fill(mode, clock.mode === 'fixed' ? `stands still${clock.tick_microseconds ? `, ${clock.tick_microseconds} µs on each time it is read` : ''}`
      : clock.mode === 'running' ? `runs ${clock.speed} times as fast as the system's` : 'runs as the system does');
  };
  /** @param {Promise<api.Clock>} answer */
  const set = (answer) => attempt(async () => show(await answer));
  /** @param {string} title @param {HTMLElement[]} fields @param {(data: FormData) => Promise<api.Clock>} act */
  const setBy = async (title, fields, act) => {
    const data = await ask(title, fields, 'Set');
    if (data) await set(act(data));
  };

  fill(main,
    h('h1', null, 'Clock and readings of ', h('bdi', { class: 'data' }, one)),
    h('section', { class: 'card', 'aria-label': 'Clock' },
      h('h2', null, 'Clock'), face, mode,
      h('div', { class: 'actions' },
        button('Freeze', () => set(api.setClock(one, { mode: 'fixed' }))),
        button('Freeze at', () => setBy('Freeze at', [
          field('Moment', h('input', { name: 'now', required: true, value: '2023-05-10T15:15:03+03:00' })),
          field('Microseconds on at each reading', h('input', { name: 'tick', type: 'number', min: '0', value: '0' })),
        ], (data) => api.setClock(one, { mode: 'fixed', now: String(data.get('now')), tick_microseconds: Number(data.get('tick')) }))),
        button('Speed', () => setBy('Speed', [
          field('Times as fast', h('input', { name: 'speed', type: 'number', min: '0.001', max: '86400', step: 'any', required: true, value: '60' })),
        ], (data) => api.setClock(one, { mode: 'running', speed: Number(data.get('speed')) }))),
        button('Real', () => set(api.setClock(one, { mode: 'real' }))),
        STEPS.map(([label, seconds]) => button(label, () => set(api.advance(one, seconds)))),
        button('Advance', () => setBy('Advance', [
          field('Seconds', h('input', { name: 'seconds', type: 'number', min: '0', step: 'any', required: true, value: '1.5' })),
        ], (data) => api.advance(one, Number(data.get('seconds'))))))),
    list);
  const register = await readings(visit, list);
  const named = visit.query.get('reading');
  if (named && register) document.getElementById(`reading-${named}`)?.scrollIntoView({ block: 'start' });
  visit.poll(EVERY, async () => {
    const clock = await api.orElse(/** @type {Promise<api.Clock | null>} */ (api.clock(one)), null);
    if (signal.aborted) return;
    if (clock) show(clock);
    else fill(mode, 'There is no such world yet; what is set here makes it.');
  });
}

/**
 * @param {Visit} visit
 * @param {HTMLElement} place
 */
async function readings(visit, place) {
  const { one } = visit;
  const register = await api.orElse(api.readings(one), []);
  if (visit.signal.aborted) return register;
  const others = register.filter((reading) => reading.in_force !== reading.default);
  /** @param {Record<string, string | number>} choices @param {string} done */
  const put = (choices, done) => attempt(async () => {
    await api.setReadings(one, choices);
    await readings(visit, place);
  }, done);
  fill(place,
    h('header', { class: 'title' },
      h('h2', null, 'Readings'),
      h('div', { class: 'actions' },
        button('Download the profile', () => download('profile.toml', toml(register), 'application/toml')),
        button('All to their defaults', () => put(Object.fromEntries(others.map((reading) => [reading.id, reading.default])), 'The defaults are in force.'), { disabled: others.length === 0 }))),
    h('p', { class: 'soft' }, 'Where the page of the service is silent or contradicts itself, a reading decides. ',
      `${others.length} of ${register.length} differ from the default. `,
      'A change keeps the state and begins a new time line, for one history is told under one profile.'),
    register.map((reading) => drawReading(reading, (choice) => put({ [reading.id]: choice }, `${reading.id} is now ${choice}.`))));
  return register;
}

/**
 * @param {api.Reading} reading
 * @param {(choice: string | number) => unknown} choose
 */
function drawReading(reading, choose) {
  const { id, question, evidence, choices, in_force: now } = reading;
  const isDefault = (/** @type {string | number} */ choice) => choice === reading.default;
  return h('article', { class: `card reading${isDefault(now) ? '' : ' changed'}`, id: `reading-${id}` },
    h('h3', null, prose(question)),
    h('p', null, h('code', null, id), ' ', !isDefault(now) && h('span', { class: 'chip' }, 'changed'), ' ', h('span', { class: 'soft' }, reading.operations.join(', '))),
    h('details', null, h('summary', null, 'Evidence'),
      h('ul', { class: 'plain' }, evidence.map((item) => h('li', null, 'quote' in item
        ? [h('q', null, item.quote), h('span', { class: 'soft' }, ` ${item.section}`)] : prose(item.facts))))),
    choices ? drawChoices(reading, choices, choose) : drawNumber(reading, choose));
}

/**
 * @param {api.Reading} reading
 * @param {{id: string, meaning: string}[]} choices
 * @param {(choice: string) => unknown} choose
 */
function drawChoices(reading, choices, choose) {
  return h('fieldset', null, h('legend', { class: 'hidden' }, reading.id),
    choices.map(({ id, meaning }) => h('label', { class: 'choice' },
      h('input', { type: 'radio', name: reading.id, value: id, checked: id === reading.in_force, onchange: () => choose(id) }),
      h('span', null, h('code', null, id), id === reading.default && h('span', { class: 'soft' }, ' default'), h('br'), h('span', { class: 'soft' }, prose(meaning))))));
}

/**
 * @param {api.Reading} reading
 * @param {(choice: number) => unknown} choose
 */
function drawNumber(reading, choose) {
  const input = h('input', { type: 'number', min: reading.number?.minimum, max: reading.number?.maximum, value: reading.in_force });
  input.addEventListener('change', () => { if (input.reportValidity()) choose(Number(input.value)); });
  return field(`${reading.id}, by default ${reading.default}`, input);
}

/** @param {api.Reading[]} register */
function toml(register) {
  return register.map(({ id, in_force: now }) => `${id} = ${typeof now === 'number' ? now : `"${now}"`}\n`).join('');
}
