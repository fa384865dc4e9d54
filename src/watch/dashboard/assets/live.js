// The stream of events. It is read by `fetch` and not by `EventSource`, which tells neither of the comments that say
// "I am alive" while nothing changes nor of a 401.
//
// Promises: while the page lives there is one connection or a wait for the next; nothing heard for `SILENCE_MS` ends the
// connection; what a handler gets is the newest there is, as each event is a whole picture.

import { tokenIsNeeded } from './api.js';

/** Three times what the server leaves between two signs of life at most, with some to spare. */
const SILENCE_MS = 12_000;

/** Goes on with the wait that the server asked for, and a second before it did. */
let retryMs = 1000;
/** When anything was last heard, by this machine's clock; `null` before the first time. */
let heardAtMs = null;
let connected = false;
let wanted = false;

/** `live`; `stale` since so long, and whether a connection is still there; `connecting` before the first. */
export function liveness() {
  if (heardAtMs === null) return { status: 'connecting', sinceMs: 0 };
  const sinceMs = Date.now() - heardAtMs;
  if (connected && sinceMs < SILENCE_MS) return { status: 'live', sinceMs };
  return { status: 'stale', sinceMs };
}

/** Listens until a token is needed: `handlers` by the name of the event, `changed` when the connection comes or goes. */
export async function listen(handlers, changed) {
  if (wanted) return;
  wanted = true;
  while (wanted) {
    await shown();
    const ended = new AbortController();
    // A browser has only a few connections to a server, for all of its tabs: one that nobody sees holds none.
    const hide = () => document.hidden && ended.abort();
    document.addEventListener('visibilitychange', hide);
    const begunAtMs = Date.now();
    const silent = () => Date.now() - Math.max(begunAtMs, heardAtMs) > SILENCE_MS;
    const watch = setInterval(() => silent() && ended.abort(), 1000);
    try {
      await connection(handlers, changed, ended.signal);
    } catch {
      // The network says it in many ways, and all mean the same: it is not there now.
    }
    clearInterval(watch);
    document.removeEventListener('visibilitychange', hide);
    connected = false;
    changed();
    if (wanted && !document.hidden) await new Promise((done) => setTimeout(done, retryMs));
  }
}

/** Waits until the page can be seen. */
async function shown() {
  while (document.hidden) await new Promise((done) => document.addEventListener('visibilitychange', done, { once: true }));
}

async function connection(handlers, changed, signal) {
  const response = await fetch('api/events', { signal, headers: { Accept: 'text/event-stream' }, cache: 'no-store' });
  if (response.status === 401) {
    wanted = false;
    tokenIsNeeded();
  }
  if (!response.ok) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    heardAtMs = Date.now();
    if (!connected) {
      connected = true;
      changed();
    }
    const frames = (rest + value).split('\n\n');
    rest = frames.pop();
    for (const frame of frames) handle(frame, handlers);
  }
}

function handle(frame, handlers) {
  let name = 'message';
  let data = '';
  for (const line of frame.split('\n')) {
    if (line.startsWith('event:')) name = line.slice(6).trim();
    else if (line.startsWith('data:')) data += line.slice(5);
    else if (line.startsWith('retry:')) retryMs = Number(line.slice(6)) || retryMs;
  }
  if (!data) return;
  try {
    handlers[name]?.(JSON.parse(data));
  } catch (error) {
    // A mistake of this page is no trouble of the connection: it is told where mistakes are looked for.
    reportError(error);
  }
}
