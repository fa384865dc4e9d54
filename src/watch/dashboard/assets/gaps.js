// The days of a station as a strip, with the gaps between them.

import { drawn, element } from './dom.js';
import { counted, whole } from './format.js';

const WIDTH = 1000;
const HEIGHT = 28;
/** Narrower than this no gap is drawn: it would not be seen. */
const GAP_MIN = 2;
/** Strokes between years, if there are no more of them. */
const YEARS_MAX = 40;
const DAY_MS = 86_400_000;

const day = (text) => Date.parse(`${text}T00:00:00Z`) / DAY_MS;

/** Strip, its ends, and the list of the gaps, of one partition's part of a station. */
export function gapsElements({ start, end, missing_days: missing, gaps, gaps_total: total }) {
  const first = day(start);
  const days = day(end) - first + 1;
  const x = (text) => ((day(text) - first) / days) * WIDTH;
  const said = missing === 0 ? 'no day is missing' : `${counted(missing, 'day')} missing in ${counted(total, 'gap')}`;
  const strip = drawn('svg', { class: 'strip', role: 'img', 'aria-label': `Days from ${start} to ${end}: ${said}`, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none' });
  strip.append(drawn('rect', { class: 'days', width: WIDTH, height: HEIGHT }));
  for (const gap of gaps) {
    const width = Math.max((gap.days / days) * WIDTH, GAP_MIN);
    const told = drawn('title', {}, `${gap.from} to ${gap.to}, ${counted(gap.days, 'day')}`);
    strip.append(drawn('rect', { class: 'gap', x: Math.min(x(gap.from), WIDTH - width).toFixed(2), width: width.toFixed(2), height: HEIGHT }, told));
  }
  strip.append(...years(start, end, x));
  const ends = element('p', { class: 'ends' }, element('span', {}, start), element('span', {}, said), element('span', {}, end));
  return missing === 0 ? [strip, ends] : [strip, ends, list(gaps, total)];
}

function years(start, end, x) {
  const [first, last] = [Number(start.slice(0, 4)) + 1, Number(end.slice(0, 4))];
  if (last - first > YEARS_MAX) return [];
  const strokes = [];
  for (let year = first; year <= last; year += 1) {
    const at = x(`${String(year).padStart(4, '0')}-01-01`).toFixed(2);
    strokes.push(drawn('path', { class: 'year', d: `M${at} 0V${HEIGHT}` }));
  }
  return strokes;
}

function list(gaps, total) {
  const items = gaps.map(({ from, to, days }) => element('li', {}, from === to ? from : `${from} to ${to}`, element('span', { class: 'aside' }, ` ${counted(days, 'day')}`)));
  const rest = total > gaps.length ? [element('p', { class: 'aside' }, `and ${whole(total - gaps.length)} earlier ones`)] : [];
  return element('details', {}, element('summary', {}, total === 1 ? 'The gap' : `The ${whole(total)} gaps`), element('ul', { class: 'gaps' }, ...items), ...rest);
}
