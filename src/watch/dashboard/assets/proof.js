// The proof: what the last audit compared, number by number, with a replay of the log.

import { post, trouble } from './api.js';
import { ageElement } from './clock.js';
import { byId, element, shape, text } from './dom.js';
import { clock, counted, duration, whole } from './format.js';

/** Partitions that are listed without being asked for. */
const OPEN_MAX = 4;

let audit = { running: null, last: null, failed: null };
/** What stands there, so that it is made anew only when another audit ended: what somebody has opened stays open. */
let shown = null;
/** Committed offset by partition. */
let committed = new Map();

export function startProof() {
  byId('audit-now').addEventListener('click', async () => {
    try {
      trouble(null);
      await post('api/audit');
    } catch (error) {
      trouble(`The audit was not started: ${error.message}.`);
    }
  });
  // Lines before the first event: nothing jumps when it comes.
  show();
}

export function showAudit(next) {
  audit = next;
  // Whatever kept an audit from being started, this is newer.
  trouble(null);
  show();
}

/** Takes the partitions, to tell how much came after the audit. */
export function showSince(partitions) {
  committed = new Map(partitions.map((one) => [one.partition, one.committed]));
  since();
}

function show() {
  const body = byId('proof-body');
  byId('audit-now').disabled = audit.running !== null;
  const version = audit.failed?.at_ms ?? audit.last?.finished_at_ms ?? 0;
  if (shown !== version) {
    shown = version;
    body.replaceChildren(...told(audit), progress());
  }
  const running = body.querySelector('.running');
  running.hidden = audit.running === null;
  if (audit.running) {
    const { done, total } = audit.running;
    const bar = running.querySelector('progress');
    bar.max = Math.max(total, 1);
    bar.value = done;
    text(running.querySelector('label'), `Replaying the log: ${whole(done)} of ${counted(total, 'record')}`);
  }
  since();
}

function told({ last, failed }) {
  if (failed !== null) return failure(failed, last);
  return last === null ? nothing() : result(last);
}

/** The last audit came to no result: what the one before it said holds for what it read, and no longer stands as the verdict. */
function failure({ at_ms: atMs, why }, last) {
  const before = last === null ? '' : ` The one before it, at ${clock(last.finished_at_ms)}, said: ${verdictOf(last)[2].toLowerCase()}.`;
  return [
    verdict('wrong', 'bad', 'The last audit failed'),
    element('p', { class: 'said' }, `It came to no result: ${why}.${before}`),
    element('p', { class: 'aside' }, ageElement(atMs), `, at ${clock(atMs)}`),
  ];
}

function progress() {
  const bar = element('progress', { id: 'audit-progress', max: 1, value: 0 });
  return element('div', { class: 'running', hidden: true }, element('label', { for: 'audit-progress' }), bar);
}

function nothing() {
  return [
    verdict('unknown', 'quiet', 'Not audited yet'),
    element('p', {}, 'An audit replays the log from its beginning by other code than that which counts, and compares every number, bit for bit, with the files of results. It runs beside the counting and does not disturb it.'),
  ];
}

function verdict(name, tone, words) {
  return element('p', { class: 'verdict', 'data-tone': tone }, shape(name), element('strong', {}, words));
}

const VERDICTS = {
  verified: ['verified', 'good', 'Verified'],
  file_wrong: ['wrong', 'bad', 'A file is wrong'],
  log_incomplete: ['unknown', 'warn', 'The log is incomplete'],
  not_audited: ['unknown', 'warn', 'Not audited'],
};

const verdictOf = ({ result: worst }) => VERDICTS[worst] ?? ['unknown', 'warn', worst];

function result(last) {
  const ended = element('p', { class: 'aside' }, ageElement(last.finished_at_ms), `, at ${clock(last.finished_at_ms)}, in ${duration(last.finished_at_ms - last.started_at_ms)}`, element('span', { id: 'audit-since' }));
  const list = element('ul', { class: 'audited', tabindex: '0', 'aria-label': 'Audited partitions' }, ...last.partitions.map(partition));
  const many = last.partitions.length > OPEN_MAX && last.result === 'verified';
  const details = element('details', { open: !many }, element('summary', {}, `What was compared, ${counted(last.partitions.length, 'partition')}`), list);
  return [verdict(...verdictOf(last)), element('p', { class: 'said' }, sentence(last)), ended, details];
}

function sentence({ result: worst, partitions }) {
  const details = partitions.map((one) => one.details ?? {});
  const records = details.reduce((sum, one) => sum + (one.records ?? 0), 0);
  const stations = details.reduce((sum, one) => sum + (one.stations ?? 0), 0);
  const of = (wanted) => partitions.filter((one) => one.result === wanted).map((one) => one.partition).join(', ');
  if (worst === 'verified') return `${counted(records, 'record')} replayed, every number of ${counted(stations, 'station')} right, bit for bit.`;
  if (worst === 'file_wrong') return `The replay gives other numbers than the file of partition ${of(worst)}.`;
  if (worst === 'log_incomplete') return `The log no longer has all that partition ${of(worst)} counted, so not every number can be compared.`;
  return `Partition ${of(worst)} could not be audited.`;
}

function partition({ partition: number, result: worst, text: told, details }) {
  if (worst === 'verified') {
    const { first_offset: from, offset, records, stations, repeats } = details;
    const { same, other } = repeats;
    const more = same + other > 0 ? `; days that came once more: ${whole(same)} with the same value, ${whole(other)} with another` : '';
    return element('li', {}, element('b', {}, `Partition ${number}`), ` offsets ${whole(from)} to ${whole(offset)}: ${counted(records, 'record')}, ${counted(stations, 'station')}${more}`);
  }
  return element('li', { class: 'wrong' }, element('b', {}, `Partition ${number}`), ` ${told}`);
}

function since() {
  const target = byId('audit-since');
  const audited = audit.last?.partitions.map((one) => [committed.get(one.partition), one.details?.offset]) ?? [];
  const known = audited.length > 0 && audited.every(([end, offset]) => end !== undefined && offset !== undefined);
  if (!target || !known) return;
  const records = audited.reduce((sum, [end, offset]) => sum + Math.max(0, end - offset), 0);
  text(target, records === 0 ? '; nothing came since' : `; ${counted(records, 'record')} came since`);
}
