// The address of the page: which view, of which world, and what is set in it.

import { openedFor, query } from './api.js';

/** The parts of the address as it stands. */
export function here() {
  const [path = '', text = ''] = location.hash.replace(/^#\/?/, '').split('?');
  const parameters = new URLSearchParams(text);
  const [view = '', ...rest] = path.split('/').map(decodeURIComponent);
  return { view: view || 'traffic', rest, query: parameters, world: parameters.get('world') ?? openedFor };
}

/**
 * The address of a view of the world that is looked at.
 * @param {string} path
 * @param {Record<string, string>} [parameters]
 */
export function link(path, parameters = {}) {
  return `#/${path}${query({ world: here().world, ...parameters })}`;
}

/** What the address has beside the world. */
export function kept() {
  return Object.fromEntries([...here().query].filter(([name]) => name !== 'world'));
}
