// Requests to the server. One that is answered by 401 asks for the token, whoever made it.

import { byId } from './dom.js';

let onToken = () => {};

/** What to do when the server wants a token. */
export function whenTokenIsNeeded(then) {
  onToken = then;
}

export function tokenIsNeeded() {
  onToken();
}

/** What the server refused or could not do, in its own words. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** The JSON of an answer. Throws [`Refused`], and what `fetch` throws. */
export async function get(path, signal) {
  const response = await fetch(path, { signal, headers: { Accept: 'application/json' } });
  await check(response);
  return response.json();
}

export async function post(path, body) {
  const headers = body === undefined ? {} : { 'Content-Type': 'application/json' };
  await check(await fetch(path, { method: 'POST', headers, body: body === undefined ? null : JSON.stringify(body) }));
}

async function check(response) {
  if (response.ok) return;
  if (response.status === 401) tokenIsNeeded();
  const said = await response.json().catch(() => ({}));
  throw new Refused(response.status, said.error ?? `the server answered ${response.status}`);
}

export const stationPath = (station) => `api/stations/${encodeURIComponent(station)}`;

/** Shows what went wrong to whoever asked for it, until `null` comes. */
export function trouble(message) {
  const notice = byId('trouble');
  notice.hidden = message === null;
  notice.textContent = message ?? '';
}
