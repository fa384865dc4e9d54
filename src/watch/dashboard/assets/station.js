// The page of one station: its facts, its months and years as plots, its gaps. The numbers are those that are counted; the
// series are made by a replay of the log, which is asked for when the page is opened.

import { get, post, Refused, stationPath } from './api.js';
import { byId, element, keyed, text } from './dom.js';
import { clock, counted, degrees, month, roughly, whole } from './format.js';
import { gapsElements } from './gaps.js';

/** Between two looks at a replay that goes on. */
const PROGRESS_MS = 300;
/** Between two refreshes of the numbers. */
const REFRESH_MS = 1000;

/** The station that is open; all that was asked for another one is dropped when it comes. */
let open = null;
let timer = null;
let version = null;

const page = byId('station');

/** Opens a station's page, or closes it with `null`. */
export function openStation(station) {
  if (open?.station === station) return;
  open?.stop.abort();
  clearTimeout(timer);
  timer = null;
  open = station === null ? null : { station, stop: new AbortController(), asked: false, refused: false, shown: null };
  page.hidden = open === null;
  if (!open) return;
  frame(station);
  look(open);
}

/** Something was counted: the numbers may be others. */
export function stationMayHaveChanged(next, anotherProcess) {
  if (version === next && !anotherProcess) return;
  version = next;
  if (anotherProcess && open) open.asked = false;
  if (open) timer ??= setTimeout(() => look(open), REFRESH_MS);
}

function frame(station) {
  const title = element('h1', { id: 'station-title', tabindex: '-1' }, station);
  page.replaceChildren(
    element('p', { class: 'back' }, element('a', { href: '#stations' }, '← All stations')),
    title,
    element('p', { class: 'empty', id: 'station-said', role: 'status' }, 'Loading…'),
    element('div', { id: 'station-facts' }),
    element('section', { class: 'card', 'aria-labelledby': 'history-title', id: 'station-history', hidden: true }),
  );
  title.focus({ preventScroll: true });
  scrollTo(0, 0);
}

async function look(of) {
  clearTimeout(timer);
  timer = null;
  let next = null;
  try {
    const answer = await get(stationPath(of.station), of.stop.signal);
    if (of !== open) return;
    text(byId('station-said'), '');
    showFacts(answer);
    if (answer.history !== null) showHistory(of, answer);
    // A history can be forgotten, for those of others: then it is asked for once more.
    if (answer.history !== null) of.asked = false;
    const comes = answer.history === null ? await replay(of) : answer.history.status === 'running' || answer.history.refreshing;
    if (comes) next = PROGRESS_MS;
  } catch (error) {
    if (of !== open) return;
    if (error instanceof Refused) text(byId('station-said'), said(error));
    // Its partition restarts: there may be no event by which to notice that it is back.
    if (error.status === 503) next = REFRESH_MS;
    // Else the server is away: the badge says so, and the next event looks again.
  }
  if (of === open && next !== null) timer ??= setTimeout(() => look(of), next);
}

const said = ({ status, message }) => (status === 404 ? 'No such station has been counted so far. This page shows it once it has been.' : `It cannot be shown: ${message}`);

/** Asks for a replay, once for each time that the page is opened or somebody wants it anew; false if there will be none. */
async function replay(of) {
  if (of.asked) return !of.refused;
  Object.assign(of, { asked: true, refused: false });
  try {
    await post(`${stationPath(of.station)}/history`);
  } catch (error) {
    of.refused = true;
    if (of === open && error instanceof Refused) showWaiting(of, `The months and years cannot be told now: ${error.message}.`, true);
  }
  return !of.refused;
}

function showFacts({ partitions }) {
  keyed(byId('station-facts'), partitions, (one) => one.partition, (one) => factsElement(one, partitions.length > 1), showFact);
}

/** Texts change in place, and the list of gaps is made anew only when it is another one: what is focused or open stays so. */
function showFact(section, one) {
  for (const [name, value, exact] of factsOf(one)) {
    const [fact, small] = section.querySelector(`[data-fact="${name}"] dd`).childNodes;
    if (fact.data !== value) fact.data = value;
    if (small) text(small, exact);
  }
  const strip = section.querySelector('.daystrip');
  const made = gapsElements(one);
  const gaps = JSON.stringify([one.gaps, one.gaps_total]);
  const details = strip.querySelector('details');
  if (section.gaps === gaps) {
    if (details) made.pop();
    for (const [at, child] of made.entries()) strip.children[at].replaceWith(child);
    return;
  }
  section.gaps = gaps;
  strip.replaceChildren(...made);
  if (details?.open) strip.querySelector('details').open = true;
}

function factsOf(one) {
  return [
    ['Readings', whole(one.count)],
    ['Average', degrees(one.average), String(one.average)],
    ['Sum', degrees(one.sum), String(one.sum)],
    ['First day', one.start],
    ['Last day', one.end],
    ['Missing days', whole(one.missing_days)],
    ['Partition', String(one.partition), `at offset ${whole(one.offset)}`],
  ];
}

function factsElement(one, several) {
  const facts = factsOf(one);
  const list = element('dl', { class: 'facts' }, ...facts.map(([name, value, exact]) => element('div', { 'data-fact': name }, element('dt', {}, name), element('dd', {}, value, ...(exact ? [element('small', {}, exact)] : [])))));
  const title = element('h2', {}, several ? `In partition ${one.partition}` : 'Days');
  return element('section', { class: 'card', 'aria-label': several ? `Partition ${one.partition}` : 'Numbers and days' }, list, title, element('div', { class: 'daystrip' }));
}

function historySection(...children) {
  const section = byId('station-history');
  section.hidden = false;
  section.replaceChildren(element('h2', { id: 'history-title' }, 'Months and years'), ...children);
}

function showWaiting(of, words, again) {
  historySection(element('p', {}, words), ...(again ? [againButton(of, 'Try again')] : []));
  of.shown = null;
}

function againButton(of, words) {
  const button = element('button', { type: 'button' }, words);
  button.addEventListener('click', async () => {
    of.asked = false;
    of.shown = null;
    await replay(of);
    if (of === open && !of.refused) look(of);
  });
  return button;
}

function showHistory(of, { station, partitions, history }) {
  if (history.status === 'failed') return showWaiting(of, `The replay of the log failed at ${clock(history.at_ms)}: ${history.why}`, true);
  if (history.status === 'running') return showProgress(of, history);
  const upTo = `${history.from_offset} ${history.offset}`;
  // Made anew only when it is another one, so that what is open stays so and no plot flickers.
  if (of.shown !== upTo) {
    of.shown = upTo;
    historySection(...historyElements(of, station, history));
  }
  const behind = partitions.some((one) => one.offset > history.offset);
  page.querySelector('#station-history .again').hidden = !behind || history.refreshing;
  const { failed } = history;
  const why = page.querySelector('#station-history .failed');
  why.hidden = failed === null;
  if (failed !== null) text(why, `The replay at ${clock(failed.at_ms)} failed, so this is as it was before: ${failed.why}`);
}

function showProgress(of, { done, total }) {
  let bar = byId('replay');
  if (!bar) {
    bar = element('progress', { id: 'replay', max: 1, value: 0 });
    historySection(element('div', { class: 'running' }, element('label', { for: 'replay' }), bar));
    of.shown = null;
  }
  bar.max = Math.max(total, 1);
  bar.value = done;
  text(page.querySelector('label[for=replay]'), `Replaying the log: ${whole(done)} of ${counted(total, 'record')}`);
}

function historyElements(of, station, { from_offset: from, offset, lost_records: lost, lost_reason: reason, months, years }) {
  const lines = [element('p', { class: 'aside' }, `Replayed from the log, offsets ${whole(from)} to ${whole(offset)}.`)];
  if (lost > 0 || reason) lines.push(element('p', { class: 'lost' }, `${counted(lost, 'record')} of the log ${lost === 1 ? 'is' : 'are'} gone and missing here${reason ? `: ${reason}` : ''}.`));
  lines.push(element('p', { class: 'failed', hidden: true }));
  const again = element('p', { class: 'again', hidden: true }, 'More has been counted since. ', againButton(of, 'Replay anew'));
  if (months.length === 0) return [...lines, again, element('p', {}, 'The log holds no reading of this station.')];
  return [
    ...lines, again,
    plot(station, 'months', monthsSaid(station, months)),
    plot(station, 'years', yearsSaid(station, years)),
    monthsTable(months),
  ];
}

/** A plot, which has its title in it, in the colours of the page: the browser takes the one that fits, also when that changes. */
function plot(station, kind, alt) {
  const source = (theme) => `${stationPath(station)}/plot.svg?kind=${kind}&theme=${theme}`;
  return element('picture', {},
    element('source', { media: '(prefers-color-scheme: dark)', srcset: source('dark') }),
    element('img', { src: source('light'), alt, 'data-kind': kind, width: 960, height: 400 }));
}

const extreme = (list, better) => list.reduce((best, one) => (better(one.average, best.average) ? one : best));

function monthsSaid(station, months) {
  const [cold, warm] = [extreme(months, (a, b) => a < b), extreme(months, (a, b) => a > b)];
  return `Monthly averages of ${station} with their range, ${month(months[0])} to ${month(months.at(-1))}: coldest ${month(cold)} with ${roughly(cold.average)}, warmest ${month(warm)} with ${roughly(warm.average)} degrees.`;
}

function yearsSaid(station, years) {
  const [cold, warm] = [extreme(years, (a, b) => a < b), extreme(years, (a, b) => a > b)];
  const told = years.length === 1 ? `${years[0].year} with ${roughly(years[0].average)} degrees on average` : `${counted(years.length, 'year')}, ${years[0].year} to ${years.at(-1).year}; on average coldest ${cold.year} with ${roughly(cold.average)}, warmest ${warm.year} with ${roughly(warm.average)} degrees`;
  return `Each year of ${station} as a line from January to December: ${told}.`;
}

function monthsTable(months) {
  const head = element('tr', {}, ...['Month', 'Readings', 'Average', 'Lowest', 'Highest'].map((name, index) => element('th', { scope: 'col', class: index ? 'number' : null }, name)));
  const lines = months.map((one) => element('tr', {}, element('th', { scope: 'row' }, month(one)), ...[whole(one.count), degrees(one.average), degrees(one.min), degrees(one.max)].map((value) => element('td', { class: 'number' }, value))));
  return element('details', {}, element('summary', {}, `The ${counted(months.length, 'month')} as a table`), element('table', { class: 'months', 'aria-label': 'Months' }, element('thead', {}, head), element('tbody', {}, ...lines)));
}
