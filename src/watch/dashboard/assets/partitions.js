// The partitions: how far each one is, and what it did not count.

import { ageElement, showAge } from './clock.js';
import { attribute, byId, element, keyed, showState, stateElement, text } from './dom.js';
import { counted, duration, whole, words } from './format.js';

/** What a narrow screen says before each cell, in the order of the columns. */
const LABELS = ['Partition', 'State', 'Offset', 'Lag', 'Records/s', 'Last commit', 'Rejected', 'Epoch', 'Restarts'];
const NUMBERS = new Set(['Offset', 'Lag', 'Records/s', 'Epoch', 'Restarts']);

export function showPartitions({ partitions, more }) {
  keyed(byId('partitions-rows'), partitions, (one) => one.partition, row, showRow);
  text(byId('partitions-aside'), more ? `and ${whole(more)} more` : '');
}

function row({ partition }) {
  const made = element('tr', { role: 'row' });
  for (const label of LABELS) {
    const [name, role] = label === LABELS[0] ? ['th', 'rowheader'] : ['td', 'cell'];
    made.append(element(name, { role, 'data-label': label, class: NUMBERS.has(label) ? 'number' : null }, element('div')));
  }
  const [number, state, offset, lag, , commit, rejected] = cells(made);
  number.append(element('b', {}, String(partition)));
  state.append(stateElement());
  offset.append(element('span'), element('small'));
  lag.append(element('span'), element('small'));
  commit.append(element('span'), element('small'));
  rejected.append(rejectedElement());
  return made;
}

const cells = (made) => [...made.children].map((cell) => cell.firstElementChild);

function showRow(made, one) {
  const [, state, offset, lag, rate, commit, rejected, epoch, restarts] = cells(made);
  showState(state.firstElementChild, one.state);
  text(offset.firstElementChild, whole(one.position));
  text(offset.lastElementChild, `${whole(one.committed)} committed, end ${whole(one.end)}`);
  text(lag.firstElementChild, whole(one.lag));
  text(lag.lastElementChild, one.hidden > 0 ? `${whole(one.hidden)} hidden by an open transaction` : '');
  text(rate, whole(one.records_per_second));
  showCommit(commit, one.commit);
  showRejected(rejected.firstElementChild, one);
  text(epoch, whole(one.epoch));
  text(restarts, whole(one.restarts));
  attribute(restarts.parentElement, 'data-tone', one.restarts > 0 ? 'warn' : null);
}

function showCommit(cell, { committed_at_ms: atMs, took_ms: tookMs, interval_ms: intervalMs }) {
  const [when, how] = cell.children;
  if (atMs === null) {
    text(when, 'none yet');
  } else {
    if (!when.firstElementChild) when.replaceChildren(ageElement(atMs));
    showAge(when.firstElementChild, atMs);
  }
  const took = tookMs === null ? '' : `took ${duration(tookMs)}, `;
  text(how, `${took}each ${duration(intervalMs)}`);
}

function rejectedElement() {
  const details = element('details', {}, element('summary'), element('ul', { class: 'reasons' }), element('h4', {}, 'The last ones'), element('ul', { class: 'last' }));
  return element('div', {}, element('span', { class: 'none' }, 'none'), details, element('small', { class: 'unkept' }));
}

function showRejected(target, { partition, rejected, rejected_total: total, last_rejected: last, rejected_unkept: unkept }) {
  const [none, details, full] = target.children;
  none.hidden = total > 0;
  details.hidden = total === 0;
  full.hidden = unkept === 0;
  text(full, `the file of them is full: ${whole(unkept)} only counted`);
  if (total === 0) return;
  const [summary, reasons, heading, list] = details.children;
  text(summary, whole(total));
  attribute(summary, 'aria-label', `${counted(total, 'record')} rejected of partition ${partition}, by reason`);
  const sorted = Object.entries(rejected).sort(([, a], [, b]) => b - a);
  keyed(reasons, sorted, ([reason]) => reason, () => element('li'), (made, [reason, count]) => text(made, `${whole(count)} ${words(reason)}`));
  heading.hidden = last.length === 0;
  keyed(list, last, (one) => JSON.stringify(one), lastElement, () => {});
}

/** A record that was rejected, with all of it that could be read. */
function lastElement({ offset, reason, station, date, degrees, key, value_bytes: valueBytes }) {
  const read = [];
  if (station !== null) read.push(station);
  if (date !== null) read.push(date);
  if (degrees !== null) read.push(`${degrees}°`);
  if (key !== null && key !== station) read.push(`key “${key}”`);
  if (valueBytes !== null && station === null) read.push(counted(valueBytes, 'byte'));
  return element('li', {}, element('b', {}, `offset ${whole(offset)}: ${words(reason)}`), element('span', { class: 'record' }, ` ${read.join(', ')}`));
}
