// Ages tick by the server's clock: the one of whoever looks may be wrong by minutes.

import { attribute, element, text } from './dom.js';
import { ago, moment } from './format.js';

let aheadMs = 0;

/** Learns what the server's clock said just now. */
export function serverSaid(nowMs) {
  aheadMs = nowMs - Date.now();
}

export const now = () => Date.now() + aheadMs;

/** An element that says how long ago something was, and goes on saying it. */
export function ageElement(atMs) {
  const made = element('time');
  showAge(made, atMs);
  return made;
}

export function showAge(target, atMs) {
  attribute(target, 'data-at', atMs);
  attribute(target, 'datetime', new Date(atMs).toISOString());
  attribute(target, 'title', moment(atMs, now()));
  text(target, ago(now() - atMs));
}

/** To be called each second. */
export function tick() {
  for (const target of document.querySelectorAll('time[data-at]')) text(target, ago(now() - Number(target.dataset.at)));
}
