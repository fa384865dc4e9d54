// What crashed and came back: a time axis with a mark for each crash, and the list of them, newest first.

import { ageElement, now, showAge } from './clock.js';
import { attribute, byId, drawn, element, keyed, shape, text } from './dom.js';
import { clock, counted, duration, span, whole } from './format.js';

/** Size of the axis in its own units; it is as wide as there is room. */
const WIDTH = 1000;

/** What is said of a crash that has no new life. */
const OUTCOMES = { recovering: 'recovering…', failed: 'did not come back' };

/** Numbers begin anew with each process. */
const keyOf = (crash) => `${crash.id} ${crash.at_ms}`;

let crashes = [];
let startedAtMs = null;

export function showCrashes(next) {
  crashes = next;
  const body = byId('crashes-body');
  if (!body.firstChild) body.append(element('p', { class: 'calm' }), axis(), element('ol', { class: 'crashes', tabindex: '0', 'aria-label': 'Crashes, the newest first' }));
  const [calm, , list] = body.children;
  calm.hidden = crashes.length > 0;
  text(calm, 'Nothing has crashed since the process started.');
  keyed(list, crashes, keyOf, item, showItem);
  showAxis();
}

/** Takes when the process started: there the axis begins. */
export function showBegin(atMs) {
  startedAtMs = atMs;
  showAxis();
}

function axis() {
  const drawing = drawn('svg', { class: 'axis', role: 'img', viewBox: `0 0 ${WIDTH} 20`, preserveAspectRatio: 'none' });
  drawing.append(drawn('path', { class: 'base', d: `M0 14H${WIDTH}` }), drawn('g'));
  return element('div', { class: 'timeline' }, drawing, element('p', {}, element('span'), element('span', {}, 'now')));
}

/** To be called each second too: the marks move away from now. */
export function showAxis() {
  const frame = byId('crashes-body').querySelector('.timeline');
  if (!frame) return;
  frame.hidden = crashes.length === 0;
  if (frame.hidden) return;
  const end = now();
  const oldest = crashes.at(-1).at_ms;
  const begin = Math.min(oldest, startedAtMs ?? oldest);
  const place = (atMs) => (end > begin ? ((atMs - begin) / (end - begin)) * (WIDTH - 8) + 4 : WIDTH - 4);
  const drawing = frame.querySelector('svg');
  attribute(drawing, 'aria-label', `${counted(crashes.length, 'crash', 'crashes')} in ${span(end - begin)}, the last one ${span(end - crashes[0].at_ms)} ago`);
  keyed(drawing.querySelector('g'), crashes, keyOf, () => drawn('path'), (mark, crash) => {
    attribute(mark, 'd', `M${place(crash.at_ms).toFixed(1)} 3V19`);
    attribute(mark, 'class', crash.outcome === 'recovering' ? 'mark recovering' : 'mark');
  });
  text(frame.querySelector('span'), clock(begin));
  text(byId('crashes-aside'), counted(crashes.length, 'crash', 'crashes'));
}

function item(crash) {
  const what = element('p', { class: 'what' }, shape('failed'), element('b', {}, `${crash.actor} of ${crash.branch}`), ' ', ageElement(crash.at_ms), element('span', { class: 'at' }, ` at ${clock(crash.at_ms)}`));
  return element('li', {}, what, element('p', { class: 'cause' }, crash.cause), element('p', { class: 'recovery' }));
}

function showItem(made, crash) {
  showAge(made.querySelector('time'), crash.at_ms);
  const recovered = crash.outcome === 'recovered';
  attribute(made, 'data-recovered', String(recovered));
  const records = crash.branch === 'ingest' ? 'reading' : 'offset';
  const facts = [];
  if (recovered) facts.push(`back in ${duration(crash.took_ms)}`);
  if (crash.resumed_from !== null) facts.push(`resumed from ${records} ${whole(crash.resumed_from)}`);
  if (crash.replayed !== null) facts.push(`${counted(crash.replayed, 'record')} replayed`);
  text(made.lastElementChild, recovered ? facts.join(', ') : OUTCOMES[crash.outcome]);
}
