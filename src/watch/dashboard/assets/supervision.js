// The tree of actors: each branch with its state, what is left of its budget, and what it waits for or died of.

import { attribute, byId, element, keyed, showState, stateElement, text } from './dom.js';
import { counted, duration, whole } from './format.js';

export function showSupervision({ branches, restarts_max: restartsMax, window_ms: windowMs, more }) {
  text(byId('supervision-aside'), `${counted(restartsMax, 'restart')} within ${duration(windowMs)} ${restartsMax === 1 ? 'is' : 'are'} tried (those of hangs count longer); one more and a branch has failed`);
  keyed(byId('tree'), branches, (one) => one.branch, branchElement, (made, one) => showBranch(made, one, restartsMax));
  showMore(more ?? 0);
}

function showMore(more) {
  const tree = byId('tree');
  let line = tree.parentElement.querySelector('.more');
  if (!line) tree.after((line = element('p', { class: 'more aside' })));
  line.hidden = more === 0;
  text(line, `and ${counted(more, 'branch', 'branches')} more`);
}

function branchElement({ branch }) {
  const head = element('div', { class: 'branch' }, element('h3', {}, branch), stateElement());
  const budget = element('p', { class: 'budget' }, element('span', { class: 'pips', 'aria-hidden': 'true' }), element('span'), element('span', { class: 'lives' }));
  return element('li', {}, head, budget, element('p', { class: 'why', hidden: true }), element('ul', { class: 'actors' }));
}

function showBranch(made, one, restartsMax) {
  attribute(made, 'data-state', one.state);
  showState(made.querySelector('.state'), one.state);
  showBudget(made.querySelector('.budget'), one, restartsMax);
  const why = made.querySelector('.why');
  const told = one.failure ?? (one.waiting_for && `waiting: ${one.waiting_for}`);
  why.hidden = !told;
  text(why, told ?? '');
  keyed(made.querySelector('.actors'), one.actors, (actor) => actor.name, actorElement, showActor);
}

function showBudget(target, { epoch, restarts, budget_left: left }, restartsMax) {
  const [pips, words, lives] = target.children;
  // Beyond a handful of them nobody counts.
  const count = restartsMax <= 10 ? restartsMax : 0;
  while (pips.children.length > count) pips.lastElementChild.remove();
  while (pips.children.length < count) pips.append(element('i'));
  [...pips.children].forEach((pip, index) => attribute(pip, 'class', index < left ? 'left' : null));
  text(words, `${whole(left)} of ${counted(restartsMax, 'restart')} left`);
  text(lives, `epoch ${whole(epoch)}${restarts ? `, restarted ${counted(restarts, 'time')}` : ''}`);
}

function actorElement({ name }) {
  return element('li', {}, element('span', { class: 'actor' }, name), stateElement(), element('span', { class: 'wait' }));
}

function showActor(made, { state, mailbox_wait_us: waitUs, restarts }) {
  showState(made.querySelector('.state'), state);
  const facts = [];
  if (waitUs !== null) facts.push(`mailbox ${waitUs < 1000 ? `${whole(waitUs)} µs` : duration(waitUs / 1000)}`);
  if (restarts) facts.push(counted(restarts, 'restart'));
  text(made.lastElementChild, facts.join(' · '));
}
