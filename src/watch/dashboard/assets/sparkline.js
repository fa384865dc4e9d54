// A line of the last readings of a station, small enough for a row of a table.

import { attribute, drawn } from './dom.js';
import { roughly } from './format.js';

const WIDTH = 120;
const HEIGHT = 24;
/** Room for the width of the line and the dot at its end. */
const EDGE = 3;

export function sparkline() {
  return drawn('svg', { class: 'spark', role: 'img', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'xMinYMid' }, drawn('polyline'), drawn('circle', { r: 2 }));
}

/** Shows readings, the oldest first. */
export function showSparkline(target, recent) {
  const [line, dot] = target.children;
  if (recent.length === 0) {
    attribute(target, 'aria-label', 'no recent readings');
    attribute(line, 'points', '');
    attribute(dot, 'visibility', 'hidden');
    return;
  }
  const [low, high] = [Math.min(...recent), Math.max(...recent)];
  const x = (index) => EDGE + (recent.length > 1 ? index / (recent.length - 1) : 1) * (WIDTH - 2 * EDGE);
  const y = (value) => (high > low ? EDGE + ((high - value) / (high - low)) * (HEIGHT - 2 * EDGE) : HEIGHT / 2);
  const points = recent.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`);
  attribute(line, 'points', points.join(' '));
  attribute(dot, 'visibility', null);
  attribute(dot, 'cx', x(recent.length - 1).toFixed(1));
  attribute(dot, 'cy', y(recent.at(-1)).toFixed(1));
  attribute(target, 'aria-label', `recent readings, ${roughly(low)} to ${roughly(high)} degrees, last ${roughly(recent.at(-1))}`);
}
