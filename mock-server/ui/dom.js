// Elements from data. Every text becomes a text node, never markup; characters that would
// act on the screen instead of standing on it are replaced by a picture of themselves.

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Child | Children[]} Children Nested lists of any depth are flattened. */

/** Characters of a text that are shown before its reader asks for the rest. */
const LONG_TEXT = 64 * 1024;

/** Characters of JSON that are coloured; more would cost more elements than it helps. */
const COLOURED = 24 * 1024;

// Controls but for tab and line feed, and whatever changes the direction of what follows.
// eslint-disable-next-line no-control-regex
const ACTIVE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff]/g;

/**
 * A text whose control characters are visible.
 * @param {string} text
 */
export function visible(text) {
  return text.replace(ACTIVE, (c) => {
    const code = c.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    if (code === 0x7f) return '\u2421';
    return `\u27e6U+${code.toString(16).toUpperCase().padStart(4, '0')}\u27e7`;
  });
}

/**
 * Whether a link leads into this page or this server.
 * @param {string} address
 */
function isOwn(address) {
  return /^(#|blob:|[\w.-]+$|\/(?!\/))/.test(address);
}

/**
 * An element with attributes and children.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown> | null} [attributes] `on…` takes a listener; `false` and `null` leave out
 * @param {...Children} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    if (typeof value === 'function') {
      element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    } else if (name === 'value' && 'value' in element) {
      element.value = /** @type {never} */ (value);
    } else if (name === 'href' && !isOwn(String(value))) {
      throw new Error('a link to elsewhere');
    } else {
      element.setAttribute(name, value === true ? '' : name === 'title' ? visible(String(value)) : String(value));
    }
  }
  append(element, children);
  return element;
}

/**
 * Throws for what is neither a node nor text: it would show up as `[object Object]`.
 * @param {Element} element
 * @param {Children[]} children
 */
function append(element, children) {
  for (const child of /** @type {Child[]} */ (/** @type {unknown[]} */ (children).flat(Infinity))) {
    if (child === null || child === undefined || child === false) continue;
    if (child instanceof Node) element.append(child);
    else if (typeof child === 'string' || typeof child === 'number') element.append(visible(String(child)));
    else throw new TypeError(`a child of <${element.localName}> is neither a node nor text: ${typeof child}`);
  }
}

/**
 * Replaces what an element holds.
 * @param {Element} element
 * @param {...Children} children
 */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/**
 * A drawing. Attributes alone: a style attribute would be against the policy of the page.
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {...(SVGElement | string)} children
 */
export function svg(tag, attributes, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return /** @type {SVGElement} */ (element);
}

/**
 * A button.
 * @param {Children} label
 * @param {() => unknown} act
 * @param {Record<string, unknown>} [attributes]
 */
export function button(label, act, attributes = {}) {
  return h('button', { type: 'button', onclick: act, ...attributes }, label);
}

/**
 * A field with its label.
 * @param {string} label
 * @param {HTMLElement} control
 */
export function field(label, control) {
  return h('label', { class: 'field' }, h('span', null, label), control);
}

/**
 * A choice of options: texts, or pairs of a value and a text.
 * @param {(string | [string, string])[]} options
 * @param {string} chosen
 * @param {Record<string, unknown>} [attributes]
 */
export function select(options, chosen, attributes = {}) {
  const pairs = options.map((option) => (typeof option === 'string' ? [option, option] : option));
  const element = h('select', attributes, pairs.map(([value, text]) => h('option', { value }, text)));
  element.value = chosen;
  return element;
}

/**
 * Who speaks in a rule.
 * @param {string | null | undefined} grade
 */
export function gradeBadge(grade) {
  return grade ? h('span', { class: `grade ${grade}`, title: GRADES[grade] ?? '' }, grade) : null;
}

/** @type {Record<string, string>} */
export const GRADES = {
  documented: 'The page of the service says it or shows it.',
  stack: 'The page is silent; the web framework the service evidently runs on does it.',
  observed: 'Other public pages of the vendor show it.',
  reading: 'The page leaves it open; a reading decides.',
};

/**
 * A status with its colour; a dash where no answer was given.
 * @param {number | null | undefined} status
 */
export function statusBadge(status) {
  if (!status) return h('span', { class: 'status none', title: 'no answer was given' }, 'none');
  return h('span', { class: `status s${Math.floor(status / 100)}` }, status);
}

/**
 * A text as it came, up to a length; the rest by a button.
 * @param {string} text
 * @param {boolean} [isJson]
 */
export function code(text, isJson = false) {
  const block = h('pre', { class: 'data', tabindex: '0' });
  const shown = text.length > LONG_TEXT ? text.slice(0, LONG_TEXT) : text;
  if (isJson && shown.length <= COLOURED) block.append(...coloured(visible(shown)));
  else block.append(visible(shown));
  if (shown.length === text.length) return block;
  const more = button(`Show all ${number(text.length)} characters`, () => {
    fill(block, text);
    more.remove();
  });
  return h('div', null, block, more);
}

/**
 * JSON as people read it; any other text as it is.
 * @param {string} text
 */
export function pretty(text) {
  try {
    return code(JSON.stringify(JSON.parse(text), null, 2), true);
  } catch {
    return code(text);
  }
}

/**
 * @param {unknown} value
 */
export function json(value) {
  return code(JSON.stringify(value, null, 2), true);
}

/**
 * @param {string} text
 * @returns {Node[]}
 */
function coloured(text) {
  const token = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
  /** @type {Node[]} */
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(token)) {
    nodes.push(document.createTextNode(text.slice(at, found.index)));
    const kind = found[2] ? 'key' : found[1] ? 'text' : found[3] ? 'word' : 'number';
    const span = document.createElement('span');
    span.className = `j-${kind}`;
    span.textContent = found[1] ?? found[0];
    nodes.push(span);
    at = found.index + (found[1] ?? found[0]).length;
  }
  nodes.push(document.createTextNode(text.slice(at)));
  return nodes;
}

const COUNT = new Intl.NumberFormat('en');

/** @param {number} value */
export function number(value) {
  return COUNT.format(value);
}

/**
 * A sentence in which what stands between back-quotes is code.
 * @param {string} text
 */
export function prose(text) {
  return text.split('`').map((part, at) => (at % 2 ? h('code', null, part) : part));
}

/**
 * Puts a text on the clipboard.
 * @param {() => string} text
 * @param {string} [label]
 */
export function copyButton(text, label = 'Copy') {
  const copy = button(label, async () => {
    try {
      await navigator.clipboard.writeText(text());
      copy.textContent = 'Copied';
    } catch {
      copy.textContent = 'Not allowed to copy';
    }
    setTimeout(() => (copy.textContent = label), 1500);
  });
  copy.classList.add('quiet');
  return copy;
}

/**
 * Hands a text to the reader as a file.
 * @param {string} name
 * @param {string} text
 * @param {string} type
 */
export function download(name, text, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  h('a', { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/**
 * A line at the edge of the page, which goes away by itself unless it tells of a failure.
 * @param {string} text
 * @param {boolean} [isBad]
 */
export function notice(text, isBad = false) {
  const place = document.getElementById('notices');
  const line = h('p', { class: isBad ? 'notice bad' : 'notice' }, text);
  line.append(button('Close', () => line.remove(), { class: 'quiet' }));
  place?.append(line);
  while (place && place.childElementCount > 4) place.firstElementChild?.remove();
  if (!isBad) setTimeout(() => line.remove(), 5000);
}

/**
 * Runs what a button does, and tells where it fails.
 * @param {() => Promise<unknown>} act
 * @param {string} [done]
 */
export async function attempt(act, done) {
  try {
    const result = await act();
    if (done) notice(done);
    return result;
  } catch (error) {
    notice(error instanceof Error ? error.message : String(error), true);
    return undefined;
  }
}

/**
 * Asks whether to go on with what cannot be undone.
 * @param {string} title
 * @param {Children} consequence
 * @param {string} go
 */
export async function confirmed(title, consequence, go) {
  return (await ask(title, [h('p', null, consequence)], go)) !== null;
}

/**
 * Asks by a dialog; the form's data, or `null` where the reader thinks better of it.
 * @param {string} title
 * @param {Children[]} content
 * @param {string} go
 * @returns {Promise<FormData | null>}
 */
export function ask(title, content, go) {
  return new Promise((resolve) => {
    const form = h('form', { method: 'dialog' });
    const id = `dialog-${Math.random().toString(36).slice(2)}`;
    const dialog = h('dialog', { 'aria-labelledby': id }, form);
    append(form, [
      h('h2', { id }, title),
      content,
      h('div', { class: 'actions' },
        h('button', { class: 'primary', value: 'go' }, go),
        button('Cancel', () => dialog.close('')))]);
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'go' ? new FormData(form) : null);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
