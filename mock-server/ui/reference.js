// The Stock API and the admin paths, as their OpenAPI documents describe them.

import * as api from './api.js';
import { link } from './address.js';
import { attempt, button, code, field, fill, gradeBadge, GRADES, h, json, pretty, prose, statusBadge } from './dom.js';

/** @typedef {import('./app.js').Visit} Visit */
/** @typedef {{method: string, path: string, about: Record<string, any>}} Operation */

const METHODS = ['get', 'post', 'put', 'patch', 'delete', 'options'];

/** @param {Visit} visit */
export async function reference(visit) {
  const { main } = visit;
  const [which = 'stock', id] = visit.rest;
  const isStock = which !== 'admin';
  const document = await (isStock ? api.stockApi() : api.adminApi());
  const operations = Object.entries(document.paths).flatMap(([path, item]) => METHODS.filter((method) => item[method])
    .map((method) => /** @type {Operation} */ ({ method, path, about: item[method] })));
  const chosen = operations.find(({ about }) => about.operationId === id || about['x-also']?.includes(id));
  const shown = h('div', { class: 'detail', tabindex: '-1' });
  fill(main, h('div', { class: `split reference${chosen ? ' opened' : ''}` },
    h('div', { class: 'list' },
      h('h1', null, 'API'),
      h('nav', { class: 'tabs', 'aria-label': 'Documents' },
        h('a', { href: link('api/stock'), 'aria-current': isStock ? 'page' : null }, 'Stock API'),
        h('a', { href: link('api/admin'), 'aria-current': isStock ? null : 'page' }, 'Admin paths')),
      /** @type {{name: string, description?: string}[]} */ (document.tags).map(({ name }) => h('section', null,
        h('h2', null, name),
        h('ul', { class: 'plain operations' }, operations.filter(({ about }) => about.tags?.includes(name)).map(({ method, path, about }) => h('li', null,
          h('a', { href: link(`api/${which}/${about.operationId}`), 'aria-current': about === chosen?.about ? 'true' : null },
            h('span', { class: `method ${method}` }, method.toUpperCase()), ' ', h('span', { class: 'data' }, path.replace('/api/v1', '').replace('/__admin', '')))))))),
    ),
    shown));
  if (chosen) fill(shown, h('a', { class: 'back', href: link(`api/${which}`) }, 'Close'), drawOperation(document, chosen, visit, isStock));
  else fill(shown, drawOverview(document, operations, isStock));
  if (id) shown.focus({ preventScroll: true });
  if (id && matchMedia('(max-width: 68rem)').matches) scrollTo(0, 0);
}

/**
 * The document as a whole, shown while no operation is open.
 * @param {api.Document} document
 * @param {Operation[]} operations
 * @param {boolean} isStock
 */
function drawOverview({ info, tags }, operations, isStock) {
  /** @param {string} tag */
  const firstOf = (tag) => link(`api/${isStock ? 'stock' : 'admin'}/${operations.find(({ about }) => about.tags?.includes(tag))?.about.operationId}`);
  return [
    h('h2', null, info.title),
    h('p', null, info.summary, ' Choose an operation to see its parameters, bodies and answers',
      isStock ? ', and to send a request to the world at hand.' : '.'),
    isStock && [
      h('h3', null, 'Grades'),
      h('p', null, 'Every answer of the mock has a grade: the kind of source that says the service answers so.'),
      h('table', { class: 'about' },
        h('thead', null, h('tr', null, ['Grade', 'Source'].map((name) => h('th', { scope: 'col' }, name)))),
        h('tbody', null, Object.entries(GRADES).map(([grade, about]) => h('tr', null,
          h('th', { scope: 'row' }, gradeBadge(grade)), h('td', null, about)))))],
    h('h3', null, 'Groups of operations'),
    h('table', { class: 'about' },
      h('thead', null, h('tr', null, ['Group', 'Purpose'].map((name) => h('th', { scope: 'col' }, name)))),
      h('tbody', null, /** @type {{name: string, description?: string}[]} */ (tags).map(({ name, description }) => h('tr', null,
        h('th', { scope: 'row' }, h('a', { href: firstOf(name) }, name)), h('td', null, prose(description ?? '')))))),
    h('h3', null, 'About this document'),
    info.description.split('\n\n').map((/** @type {string} */ text) => h('p', null, prose(text))),
  ];
}

/**
 * What a value refers to, or the value itself.
 * @param {api.Document} document
 * @param {any} value
 */
function resolve(document, value) {
  /** @type {string | undefined} */
  const target = value?.$ref;
  if (!target) return value;
  return target.replace('#/', '').split('/').reduce((at, name) => at?.[name], /** @type {any} */ (document));
}

/**
 * @param {api.Document} document
 * @param {Operation} operation
 * @param {Visit} visit
 * @param {boolean} isStock
 */
function drawOperation(document, { method, path, about }, visit, isStock) {
  const parameters = /** @type {any[]} */ (about.parameters ?? []).map((parameter) => resolve(document, parameter));
  const body = about.requestBody?.content?.['application/json'];
  return h('article', null,
    h('h2', null, h('span', { class: `method ${method}` }, method.toUpperCase()), ' ', h('code', { class: 'data' }, path)),
    h('p', null, h('strong', null, about.summary)),
    about.description && about.description.split('\n\n').map((/** @type {string} */ text) => h('p', null, prose(text))),
    isStock && drawTry({ method, path, about }, parameters, body, visit),
    parameters.length > 0 && [h('h3', null, 'Parameters'), h('dl', { class: 'members' }, parameters.flatMap((parameter) => [
      h('dt', null, h('code', null, parameter.name), h('span', { class: 'soft' }, ` ${kind(document, parameter.schema)}, in the ${parameter.in}`)),
      h('dd', null, prose(parameter.description ?? ''))]))],
    body && [h('h3', null, 'Body'), drawSchema(document, body.schema), drawExamples(body.examples)],
    h('h3', null, 'Answers'),
    Object.entries(about.responses).map(([status, response]) => drawResponse(document, status, resolve(document, response))));
}

/**
 * @param {api.Document} document
 * @param {string} status
 * @param {any} response
 */
function drawResponse(document, status, response) {
  const contents = Object.entries(response.content ?? {});
  return h('details', { class: 'response' },
    h('summary', null, statusBadge(Number(status)), ' ', prose(response.description), ' ', gradeBadge(response['x-grade'])),
    contents.map(([media, content]) => h('div', null,
      h('p', { class: 'soft' }, media), drawSchema(document, content.schema), drawExamples(content.examples))));
}

/** @param {Record<string, any> | undefined} examples */
function drawExamples(examples) {
  return Object.values(examples ?? {}).filter(({ value }) => value !== undefined).map(({ summary, value, 'x-grade': grade }) => h('figure', null,
    h('figcaption', null, prose(summary ?? ''), ' ', gradeBadge(grade)), json(value)));
}

/**
 * @param {api.Document} document
 * @param {any} schema
 * @returns {HTMLElement | null}
 */
function drawSchema(document, schema) {
  const known = resolve(document, schema);
  if (!known) return null;
  const forms = known.anyOf ?? known.oneOf;
  if (forms) return h('div', null, forms.flatMap((/** @type {any} */ form, /** @type {number} */ at) => [at > 0 && h('p', { class: 'soft' }, 'or'), drawSchema(document, form)]));
  if (known.type === 'array' && known.items) return h('div', null, h('p', { class: 'soft' }, 'a list of'), drawSchema(document, known.items));
  if (!known.properties) return h('p', { class: 'soft' }, kind(document, known));
  return h('dl', { class: 'members' }, Object.entries(known.properties).flatMap(([name, member]) => [
    h('dt', null, h('code', null, name), h('span', { class: 'soft' }, ` ${kind(document, member)}${known.required?.includes(name) ? '' : ', may be left out'}`)),
    h('dd', null, prose(/** @type {any} */ (member).description ?? resolve(document, member).description ?? ''))]));
}

/**
 * The kind of a value, in words.
 * @param {api.Document} document
 * @param {any} schema
 * @returns {string}
 */
function kind(document, schema) {
  const known = resolve(document, schema) ?? {};
  if ('const' in known) return JSON.stringify(known.const);
  if (known.enum) return known.enum.map((/** @type {unknown} */ value) => JSON.stringify(value)).join(' or ');
  const forms = known.anyOf ?? known.oneOf;
  if (forms) return forms.map((/** @type {any} */ form) => kind(document, form)).join(' or ');
  if (known.type === 'array') return `list of ${kind(document, known.items)}`;
  return `${[known.type ?? 'anything'].flat().join(' or ')}${known.format ? `, a ${known.format}` : ''}`;
}

/**
 * A form that sends the request to the world at hand.
 * @param {Operation} operation
 * @param {any[]} parameters
 * @param {any} body
 * @param {Visit} visit
 */
function drawTry({ method, path, about }, parameters, body, visit) {
  const examples = /** @type {[string, any][]} */ (Object.entries(body?.examples ?? {}));
  const text = (/** @type {any} */ value) => JSON.stringify(value, null, 2);
  const inPath = parameters.filter((parameter) => parameter.in === 'path');
  const queryText = h('input', { name: 'query', placeholder: 'sku=500&limit=5', size: '40' });
  const token = h('input', { name: 'token', value: 'any' });
  const area = body && h('textarea', { name: 'body', rows: '8', spellcheck: 'false', value: examples[0] ? text(examples[0][1].value) : '{}' });
  const fields = inPath.map((parameter) => h('input', { name: parameter.name, required: true, value: '1' }));
  const result = h('div', { class: 'slot', 'aria-live': 'polite' });
  // A browser sends no body with a GET.
  const takesBody = area && method !== 'get';
  const form = h('form', {
    class: 'card try',
    onsubmit: (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      void attempt(async () => {
        let target = path;
        inPath.forEach((parameter, at) => { target = target.replace(`{${parameter.name}}`, encodeURIComponent(fields[at]?.value ?? '')); });
        const search = queryText.value.trim().replace(/^\?/, '');
        if (search) target += `?${search}`;
        const answer = await api.asClient(visit.one, { method: method.toUpperCase(), target, body: takesBody ? area.value : undefined, token: token.value });
        fill(result,
          h('p', null, statusBadge(answer.status), ' ', h('code', null, answer.rule ?? 'no rule'), h('span', { class: 'soft' }, ` ${answer.took.toFixed(1)} ms, seen from here`)),
          answer.body ? pretty(answer.body) : code(''),
          h('p', null, h('a', { href: link('traffic') }, 'It is in the traffic')));
      });
    },
  },
  h('h3', null, 'Try it in ', h('bdi', { class: 'data' }, visit.one)),
  examples.length > 1 && h('div', { class: 'actions' }, examples.map(([name, example]) => button(example.summary ?? name, () => { if (area) area.value = text(example.value); }, { class: 'quiet' }))),
  h('div', { class: 'filters' },
    fields.map((input, at) => field(inPath[at].name, input)), field('Query', queryText), field('Token', token)),
  area && (takesBody ? field('Body', area) : h('p', { class: 'soft' }, 'A browser sends no body with a GET: write the SKUs into the query, sku=500&sku=505.')),
  h('div', { class: 'actions' }, h('button', { class: 'primary' }, 'Send'), h('span', { class: 'soft' }, about.operationId)),
  result);
  return form;
}
