// The table of stations: sorted, filtered and cut by the server, so that a million of them cost no more than a screenful.
//
// Promises: one request is under way at most; it is asked again when a row may have changed, each `REFRESH_MS` at most; old
// rows stay until the new ones are there.

import { get, Refused } from './api.js';
import { attribute, byId, element, text } from './dom.js';
import { counted, degrees, whole } from './format.js';
import { showSparkline, sparkline } from './sparkline.js';
import { ROW, Window } from './window.js';

/** Between two refreshes: with the server's 250 ms a change is on the screen within a second. */
const REFRESH_MS = 400;
/** Rows that are asked for beyond those that are drawn, on both sides. */
const MARGIN = 100;
/** The most that the server gives at once. */
const LIMIT_MAX = 1000;

const query = { sort: 'station', order: 'asc', filter: '' };
/** The last answer: rows from `offset` on, as of a version, and for which query. */
let page = { query: '', version: -1, offset: 0, stations: [] };
let version = 0;
let request = null;
let askedAtMs = 0;
let timer = null;
let frame = null;
/** The row that Tab leads to. */
let active = 0;
/** How far the table is scrolled; a browser may forget it while the table is hidden. */
let scrolled = 0;
/** Rows on the screen by index, and rows to be used again. */
const rows = new Map();
const spare = [];

const scroller = byId('stations-scroller');
const table = byId('stations-table');
const body = byId('stations-rows');
const [above, below] = [...table.querySelectorAll('.spacer td')];
const view = new Window(scroller, () => table.tHead.offsetHeight);

const key = () => JSON.stringify(query);

export function startStations() {
  scroller.addEventListener('scroll', onScroll, { passive: true });
  new ResizeObserver(soon).observe(scroller);
  body.addEventListener('focusin', onFocus);
  body.addEventListener('keydown', onKey);
  body.addEventListener('click', onClick);
  table.tHead.addEventListener('click', onSort);
  byId('filter').addEventListener('input', (event) => ask({ filter: event.target.value.trim() }));
  showSort();
}

/** Takes the version of the rows; another process may have the same number for other rows. */
export function stationsChanged(next, anotherProcess) {
  if (anotherProcess) page.version = -1;
  if (version === next && !anotherProcess) return;
  version = next;
  soon();
}

/** Draws and asks for what is missing, with the next frame. */
function soon() {
  frame ??= requestAnimationFrame(() => {
    frame = null;
    draw();
    load();
  });
}

/** Puts the table where it was after it was hidden, and the focus on the station it was left by. */
export function returnTo(station) {
  scroller.scrollTop = scrolled;
  draw();
  const left = [...rows.values()].find((row) => row.station?.station === station);
  left?.link.focus({ preventScroll: true });
  soon();
}

function ask(change) {
  Object.assign(query, change);
  active = 0;
  scroller.scrollTop = 0;
  showSort();
  soon();
}

function load() {
  if (scroller.clientHeight === 0) return;
  const { from, to } = view.measure();
  const current = page.query === key();
  const covered = current && from >= page.offset && to <= page.offset + page.stations.length;
  if (covered && page.version === version) return;
  if (request) {
    // What is under way will do, or will never be looked at.
    if (request.query === key() && from >= request.offset && to <= request.offset + request.limit) return;
    request.stop.abort();
  }
  const waitMs = askedAtMs + REFRESH_MS - performance.now();
  if (covered && waitMs > 0) {
    timer ??= setTimeout(() => {
      timer = null;
      load();
    }, waitMs);
    return;
  }
  fetchRows(Math.max(0, from - MARGIN), Math.max(to, 1) - from + 2 * MARGIN);
}

async function fetchRows(offset, wanted) {
  const limit = Math.min(wanted, LIMIT_MAX);
  const asked = { query: key(), version, offset, limit, stop: new AbortController() };
  request = asked;
  askedAtMs = performance.now();
  table.setAttribute('aria-busy', String(page.query !== asked.query));
  try {
    const parameters = new URLSearchParams({ ...query, offset, limit });
    const answer = await get(`api/stations?${parameters}`, asked.stop.signal);
    take(asked, answer);
  } catch (error) {
    if (request !== asked) return;
    request = null;
    // The next version asks again; while the server is away the badge says so.
    if (error instanceof Refused && error.status !== 401) told(`The stations cannot be shown: ${error.message}`);
    return;
  }
  request = null;
  soon();
}

function take(asked, { stations_total: total, matching, offset, stations }) {
  const another = page.query !== asked.query;
  page = { query: asked.query, version: asked.version, offset, stations };
  view.total = matching;
  // No taller than its rows; the words that stand in place of them need room too.
  const edges = scroller.offsetHeight - scroller.clientHeight;
  scroller.style.maxHeight = `${edges + table.tHead.offsetHeight + Math.max(2, matching) * ROW}px`;
  table.removeAttribute('aria-busy');
  attribute(table, 'aria-rowcount', matching + 1);
  const words = matching === total ? whole(total) : `${whole(matching)} of ${whole(total)}`;
  text(byId('stations-count'), words);
  if (another && query.filter) text(byId('stations-said'), `${counted(matching, 'station')} found`);
  const none = total === 0 ? 'No station has been counted yet.' : `No station's name contains “${query.filter}”.`;
  told(matching === 0 ? none : '');
}

function told(words) {
  byId('stations-empty').hidden = words === '';
  text(byId('stations-empty'), words);
}

function draw() {
  if (scroller.clientHeight === 0) return;
  const { from, to, above: top, below: bottom } = view.measure();
  const focused = body.contains(document.activeElement);
  for (const [index, row] of rows) {
    if (index >= from && index < to) continue;
    rows.delete(index);
    row.line.remove();
    spare.push(row);
  }
  above.style.height = `${top}px`;
  below.style.height = `${bottom}px`;
  let before = body.firstElementChild;
  for (let index = from; index < to; index += 1) {
    let row = rows.get(index);
    if (!row) {
      row = spare.pop() ?? newRow();
      rows.set(index, row);
      body.insertBefore(row.line, before);
    } else {
      before = row.line.nextElementSibling;
    }
    showRow(row, index, page.stations[index - page.offset] ?? null);
  }
  if (!focused || active < from || active >= to) active = Math.min(Math.max(active, Math.ceil(view.first)), Math.max(from, to - 1));
  for (const [index, row] of rows) row.link.tabIndex = index === active ? 0 : -1;
}

function newRow() {
  const link = element('a', { class: 'station' });
  const line = element('tr', {}, element('th', { scope: 'row', class: 'name' }, link));
  const classes = ['number', 'number', 'day wide', 'day', 'number wide', 'number wide', 'recent'];
  const cells = classes.map((name) => element('td', { class: name }));
  cells.at(-1).append(sparkline());
  line.append(...cells);
  return { line, link, cells, station: null };
}

function showRow(row, index, station) {
  attribute(row.line, 'aria-rowindex', index + 2);
  if (row.station === station && station !== null) return;
  row.station = station;
  const [count, average, start, end, missing, partition, recent] = row.cells;
  attribute(row.line, 'class', station === null ? 'unknown' : null);
  text(row.link, station?.station ?? '…');
  attribute(row.link, 'href', station && `#station/${encodeURIComponent(station.station)}`);
  attribute(row.link, 'title', station?.station);
  text(count, station ? whole(station.count) : '');
  text(average, station ? degrees(station.average) : '');
  text(start, station?.start ?? '');
  text(end, station?.end ?? '');
  text(missing, station ? whole(station.missing_days) : '');
  attribute(missing, 'data-tone', station?.missing_days > 0 ? 'warn' : null);
  text(partition, station?.partition ?? '');
  showSparkline(recent.firstElementChild, station?.recent ?? []);
}

function onScroll() {
  if (scroller.clientHeight > 0) scrolled = scroller.scrollTop;
  soon();
}

function onFocus(event) {
  const focused = [...rows].find(([, { line }]) => line.contains(event.target));
  if (focused) active = focused[0];
}

/** Arrow keys, as in any list: the browser's own keys would scroll, and leave the focus behind. */
function onKey(event) {
  const pageRows = Math.max(1, Math.floor(view.rowsVisible) - 1);
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: pageRows, PageUp: -pageRows, Home: -view.total, End: view.total };
  const step = steps[event.key];
  if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  active = Math.min(Math.max(0, active + step), view.total - 1);
  view.reveal(active);
  draw();
  rows.get(active)?.link.focus({ preventScroll: true });
  soon();
}

/** A whole row is the link, for whoever points; unless a text in it was just selected. */
function onClick(event) {
  const row = [...rows.values()].find(({ line }) => line.contains(event.target));
  if (!row?.station || event.target.closest('a') || !getSelection().isCollapsed) return;
  row.link.click();
}

function onSort(event) {
  const sort = event.target.closest('th')?.dataset.sort;
  if (!sort) return;
  // Names and days begin at their beginning, amounts with the largest.
  const first = ['station', 'start', 'end', 'partition'].includes(sort) ? 'asc' : 'desc';
  const other = query.order === 'asc' ? 'desc' : 'asc';
  ask({ sort, order: sort === query.sort ? other : first });
}

function showSort() {
  for (const head of table.querySelectorAll('th[data-sort]')) {
    const sorted = head.dataset.sort === query.sort;
    attribute(head, 'aria-sort', sorted && (query.order === 'asc' ? 'ascending' : 'descending'));
  }
}
