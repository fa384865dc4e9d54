// Puts the parts of the page together: what comes from the stream goes to them, and the address says which of the two
// views is open.

import { post, Refused, whenTokenIsNeeded } from './api.js';
import { serverSaid, tick } from './clock.js';
import { showAxis, showBegin, showCrashes } from './crashes.js';
import { byId, text } from './dom.js';
import { showLiveness, showOverview } from './header.js';
import { listen } from './live.js';
import { showPartitions } from './partitions.js';
import { showAudit, showSince, startProof } from './proof.js';
import { openStation, stationMayHaveChanged } from './station.js';
import { returnTo, startStations, stationsChanged } from './stations.js';
import { showSupervision } from './supervision.js';

const STATION = '#station/';

const handlers = {
  overview(overview) {
    serverSaid(overview.now_ms);
    const another = showOverview(overview);
    showBegin(overview.started_at_ms);
    stationsChanged(overview.stations_version, another);
    stationMayHaveChanged(overview.stations_version, another);
  },
  partitions(event) {
    showPartitions(event);
    showSince(event.partitions);
  },
  supervision(event) {
    showSupervision(event);
    showCrashes(event.crashes);
  },
  audit: showAudit,
};

/** The station that the address names; `null`: it names none. */
function stationOfAddress() {
  if (!location.hash.startsWith(STATION)) return null;
  try {
    return decodeURIComponent(location.hash.slice(STATION.length));
  } catch {
    return null;
  }
}

let shown = null;
/** Where the dashboard was scrolled to when it was left. */
let leftAt = 0;

function route() {
  const station = stationOfAddress();
  const left = shown;
  if (station !== null && left === null) leftAt = scrollY;
  shown = station;
  byId('dashboard').hidden = station !== null;
  openStation(station);
  document.title = station === null ? 'isotherm' : `${station} · isotherm`;
  if (station !== null || left === null) return;
  const section = document.getElementById(location.hash.slice(1));
  if (section && section.id !== 'stations') section.scrollIntoView();
  else scrollTo(0, leftAt);
  returnTo(left);
}

let asking = false;

/** Shows the form for the token in place of everything else. */
function askForToken() {
  if (asking) return;
  asking = true;
  byId('login').hidden = false;
  document.body.classList.add('locked');
  byId('dashboard').hidden = true;
  byId('station').hidden = true;
  byId('token').focus();
}

async function login(event) {
  event.preventDefault();
  text(byId('login-wrong'), '');
  try {
    await post('api/login', { token: byId('token').value });
  } catch (error) {
    const wrong = error instanceof Refused && error.status === 401;
    text(byId('login-wrong'), wrong ? 'This is not the token.' : `It did not work: ${error.message}.`);
    return;
  }
  asking = false;
  byId('token').value = '';
  byId('login').hidden = true;
  document.body.classList.remove('locked');
  openStation(null);
  route();
  listen(handlers, showLiveness);
}

whenTokenIsNeeded(askForToken);
byId('login').addEventListener('submit', login);
startProof();
startStations();
addEventListener('hashchange', route);
route();
listen(handlers, showLiveness);
setInterval(() => {
  tick();
  showLiveness();
  showAxis();
}, 1000);
