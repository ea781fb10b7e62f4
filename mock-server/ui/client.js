// What the clients got wrong, and what they have met of the contract.

import * as api from './api.js';
import { attempt, button, confirmed, download, fill, h, number, svg } from './dom.js';
import { drawFinding, LEVELS } from './exchange.js';

/** @typedef {import('./app.js').Visit} Visit */

/** How often it is read again, milliseconds. */
const EVERY = 2000;

/** Findings that are drawn; the reports have all. */
const DRAWN = 100;

/** Title, format, ending and type of each report. @type {[string, string, string, string][]} */
const REPORTS = [['JSON', 'json', 'json', 'application/json'], ['Text', 'text', 'txt', 'text/plain'],
  ['JUnit', 'junit', 'xml', 'application/xml'], ['Markdown', 'markdown', 'md', 'text/markdown']];

/** @param {Visit} visit */
export async function client(visit) {
  const { main, world, signal } = visit;
  const picture = h('div', { class: 'slot' });
  const list = h('div', { class: 'slot' });
  fill(main,
    h('header', { class: 'title' },
      h('h1', null, 'Client', world ? [' of ', h('bdi', { class: 'data' }, world)] : ' of all worlds'),
      h('div', { class: 'actions' },
        h('span', { class: 'soft' }, 'Report'),
        REPORTS.map(([title, format, ending, type]) => button(title, () => attempt(async () => download(
          `findings.${ending}`, await api.text(`findings${api.query({ world, format })}`), type)), { 'aria-label': `Report as ${title}` })),
        button('Clear findings', async () => {
          const scope = world ? `of ${world}` : 'of all worlds';
          if (!await confirmed('Clear findings', `The findings and the coverage ${scope} are deleted. The journal stays.`, 'Clear')) return;
          await attempt(async () => { await api.clearFindings(world); visit.again(); }, `The findings and the coverage ${scope} are cleared.`);
        }, { class: 'danger' }))),
    h('h2', null, 'Findings'),
    list,
    picture);
  let drawn = '';
  visit.poll(EVERY, async () => {
    const verdicts = await api.orElse(api.findings(world, { isWhole: true }), []);
    const key = JSON.stringify(verdicts);
    if (key === drawn || signal.aborted) return;
    drawn = key;
    fill(picture, drawCoverage(together(verdicts.map((verdict) => verdict.coverage))));
    fill(list, drawFindings(verdicts, !world));
  });
}

/**
 * @param {api.Verdict[]} verdicts
 * @param {boolean} isOfAll
 */
function drawFindings(verdicts, isOfAll) {
  const all = verdicts.flatMap(({ world, findings }) => findings.map((finding) => ({ world, finding })));
  const leftOut = verdicts.reduce((sum, verdict) => sum + verdict.left_out, 0);
  if (all.length === 0) return [h('p', { class: 'empty' }, 'Nothing so far. Every exchange is judged as it comes.')];
  all.sort((a, b) => LEVELS.indexOf(a.finding.level) - LEVELS.indexOf(b.finding.level));
  const counts = LEVELS.map((level) => {
    const count = all.filter(({ finding }) => finding.level === level).length;
    return `${number(count)} ${level}${count === 1 ? '' : 's'}`;
  });
  return [
    h('p', { class: 'soft' }, counts.join(', '), leftOut ? `; ${number(leftOut)} more had no room` : '',
      all.length > DRAWN ? `; the gravest ${DRAWN} are shown, the reports have all` : ''),
    h('div', { class: 'findings' }, all.slice(0, DRAWN).map(({ world, finding }) => h('div', null,
      isOfAll && h('p', { class: 'soft' }, 'World ', h('bdi', { class: 'data' }, world)), drawFinding(finding, 'h3')))),
  ];
}

/**
 * What several clients have met together.
 * @param {api.Coverage[]} coverages
 * @returns {api.Coverage | undefined}
 */
function together([first, ...rest]) {
  if (!first) return undefined;
  const sum = structuredClone(first);
  for (const coverage of rest) {
    sum.requests += coverage.requests;
    sum.later_pages += coverage.later_pages;
    sum.whole_walks += coverage.whole_walks;
    for (const kind of /** @type {const} */ (['documented', 'rules'])) {
      sum[kind].forEach((met, at) => { met.count += coverage[kind][at]?.count ?? 0; });
    }
  }
  return sum;
}

/** @param {api.Coverage | undefined} coverage */
function drawCoverage(coverage) {
  if (!coverage) return h('p', { class: 'empty' }, 'There is no such world yet.');
  const { documented, rules } = coverage;
  const met = documented.filter(({ count }) => count > 0).length;
  const metRules = rules.filter(({ count }) => count > 0).length;
  const never = rules.filter(({ count }) => count === 0);
  return h('section', { class: 'card coverage', 'aria-label': 'Coverage' },
    h('div', { class: 'row' },
      ring(met, documented.length),
      h('div', null,
        h('h2', null, `${met} of the ${documented.length} documented responses met`),
        h('p', { class: 'soft' }, `${number(coverage.requests)} requests, ${number(coverage.later_pages)} pages beyond the first, `,
          `${number(coverage.whole_walks)} lists read to their end, ${metRules} of ${rules.length} rules`))),
    h('ul', { class: 'tiles' }, documented.map(({ name, operation, status, what, count }) => h('li', { class: count ? 'met' : 'never', title: name },
      h('span', { class: 'tile-head' }, h('span', { class: `status s${Math.floor(status / 100)}` }, status), ' ',
        h('strong', null, count ? `${number(count)}\u00d7` : 'never')),
      h('span', null, operation), h('span', { class: 'soft' }, what)))),
    h('details', null, h('summary', null, `Rules never met: ${never.length}`),
      h('ul', { class: 'columns' }, never.map(({ operation, rule }) => h('li', null, h('code', null, `${operation}/${rule}`))))));
}

/**
 * A ring of which a part is filled.
 * @param {number} part
 * @param {number} whole
 */
function ring(part, whole) {
  const share = Math.round((part / whole) * 100);
  const shape = { cx: 32, cy: 32, r: 26, fill: 'none', 'stroke-width': 9, pathLength: 100 };
  return svg('svg', { viewBox: '0 0 64 64', class: 'ring', role: 'img', 'aria-label': `${share} %` },
    svg('circle', { ...shape, class: 'track' }),
    svg('circle', { ...shape, class: 'part', 'stroke-dasharray': `${share} 100`, transform: 'rotate(-90 32 32)' }),
    svg('text', { x: 32, y: 37, 'text-anchor': 'middle' }, `${share}%`));
}
