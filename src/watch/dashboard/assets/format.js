// How numbers, times and names are written.

const WHOLE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const DEGREES = new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const SHORT = new Intl.NumberFormat('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const MONTH = new Intl.DateTimeFormat('en-GB', { month: 'long', year: 'numeric', timeZone: 'UTC' });

export const whole = (value) => (value === null ? '–' : WHOLE.format(value));
/** For tables. */
export const degrees = (value) => DEGREES.format(value);
/** For sentences. */
export const roughly = (value) => SHORT.format(value);
export const month = ({ year, month }) => MONTH.format(new Date(Date.UTC(2000, month - 1)).setUTCFullYear(year));

/** `1 record`, `2 records`. */
export const counted = (value, one, many = `${one}s`) => `${whole(value)} ${value === 1 ? one : many}`;

/** What `duplicate_day` is for a person. */
export const words = (name) => name.replaceAll('_', ' ');

/** How long something took. */
export function duration(ms) {
  if (ms < 10) return `${SHORT.format(ms)} ms`;
  if (ms < 1000) return `${WHOLE.format(ms)} ms`;
  if (ms < 60_000) return `${Number((ms / 1000).toFixed(1))} s`;
  return `${Number((ms / 60_000).toFixed(1))} min`;
}

/** Time of the day, in the zone of whoever looks. */
export const clock = (atMs) => CLOCK.format(atMs);

/** The day too where it is not today's. */
export function moment(atMs, nowMs) {
  const [then, today] = [new Date(atMs), new Date(nowMs)];
  const day = then.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
  return then.toDateString() === today.toDateString() ? clock(atMs) : `${day}, ${clock(atMs)}`;
}

/** `3 s`, `2 min`, `5 h`, `8 d`: whole units, as it is read at a glance. */
export function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

export const ago = (ms) => (ms < 1000 ? 'just now' : `${span(ms)} ago`);
