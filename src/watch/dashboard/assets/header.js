// What is known at a glance: whether the page is live, and the totals.

import { now } from './clock.js';
import { attribute, byId, element, keyed, text } from './dom.js';
import { ago, clock, counted, moment, span, whole } from './format.js';
import { liveness } from './live.js';

/** A restart of the process is news for so long. */
const RESTART_IS_NEWS_MS = 120_000;

let overview = null;
/** When this page noticed that the process is another one; `null`: it is the one that it found. */
let anotherSinceMs = null;

const SHAPES = { connecting: 'starting', live: 'running', stale: 'failed' };

/** The totals, in the order in which they matter; those that should be zero stand out when they are not. */
const TILES = [
  ['stations', (o) => whole(o.stations_total)],
  ['counted', (o) => whole(o.counted)],
  ['records/s', (o) => whole(o.records_per_second)],
  ['lag', (o) => whole(o.lag)],
  ['rejected', (o) => whole(o.rejected), (o) => (o.rejected > 0 ? 'warn' : null)],
  ['restarts', (o) => whole(o.restarts), (o) => (o.restarts > 0 ? 'warn' : null)],
  ['failed', (o) => whole(o.failed), (o) => (o.failed > 0 ? 'bad' : null)],
];

/** Takes an `overview`; true if it is of another process than the one before. */
export function showOverview(next) {
  const another = overview !== null && overview.instance !== next.instance;
  if (another) anotherSinceMs = now();
  overview = next;
  const log = byId('log');
  text(log, next.log);
  attribute(log, 'title', `${next.log}; results in ${next.state_dir}`);
  keyed(byId('tiles'), TILES, ([name]) => name, tile, (made, [, value, tone]) => {
    text(made.lastElementChild, value(next));
    attribute(made, 'data-tone', tone?.(next));
  });
  showNotices();
  showFooter();
  showLiveness();
  return another;
}

function tile([name]) {
  return element('div', { 'data-tile': name }, element('dt', {}, name), element('dd'));
}

function showNotices() {
  const restarted = byId('restarted');
  restarted.hidden = anotherSinceMs === null || now() - anotherSinceMs > RESTART_IS_NEWS_MS;
  if (!restarted.hidden) {
    text(restarted, `The process was restarted ${ago(now() - overview.started_at_ms)}; what you see is of the new one.`);
  }
  const ended = byId('ended');
  ended.hidden = overview.ended === null;
  const inSeveral = byId('in-several');
  const several = overview.in_several_partitions;
  inSeveral.hidden = several === 0;
  if (several > 0) {
    text(inSeveral, `${counted(several, 'station')} in several partitions, each counted by itself: a producer had another partition count or another partitioner.`);
  }
  if (!ended.hidden) text(ended, `The run is over: ${overview.ended}. Only this page is still served.`);
}

function showFooter() {
  const { started_at_ms: startedAtMs, source, version } = overview;
  const parts = [`isotherm ${version}`, `up since ${moment(startedAtMs, now())} (${span(now() - startedAtMs)})`];
  if (source) {
    const share = source.bytes_total ? ` (${Math.floor((source.bytes / source.bytes_total) * 100)} % of its files)` : '';
    parts.push(`${counted(source.readings, 'reading')} produced${share}`);
    if (source.to_compare_records) {
      const percent = Math.floor((source.compared_records / source.to_compare_records) * 100);
      parts.push(`comparing changed files with the log, ${percent} %`);
    }
    if (source.revised) parts.push(`${whole(source.revised)} of them revise an earlier value`);
    if (source.possible_repeats) parts.push(`${whole(source.possible_repeats)} of them may be repeats`);
    if (source.withdrawn) parts.push(`${counted(source.withdrawn, 'day')} withdrawn by changed files`);
    if (source.bad_lines) parts.push(`${counted(source.bad_lines, 'line')} of the source are no readings`);
    if (source.skipped_quality) parts.push(`${whole(source.skipped_quality)} left out for their quality`);
  }
  text(byId('footer'), parts.join(' · '));
}

/** To be called each second, and when the connection comes or goes. */
export function showLiveness() {
  const { status, sinceMs } = liveness();
  const badge = byId('badge');
  const words = { connecting: 'connecting', live: 'live', stale: `stale since ${span(sinceMs)}, reconnecting` };
  attribute(badge, 'data-status', status);
  attribute(badge.querySelector('use'), 'href', `#shape-${SHAPES[status]}`);
  text(badge.lastElementChild, words[status]);
  // Said once, and not with each second that passes.
  const said = { connecting: '', live: 'live', stale: `stale since ${clock(Date.now() - sinceMs)}, reconnecting` };
  if (byId('badge-said').dataset.status !== status) {
    byId('badge-said').dataset.status = status;
    text(byId('badge-said'), said[status]);
  }
  if (overview) {
    showNotices();
    showFooter();
  }
}
