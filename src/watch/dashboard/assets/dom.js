// Making and changing elements. All that comes from the server ends up in text nodes and attributes, never in markup:
// the names of stations are whatever somebody has written into the log.

const SVG = 'http://www.w3.org/2000/svg';

export const byId = (id) => document.getElementById(id);

/** An element with attributes (`null` ones are left out) and children, which are elements or texts. */
export function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same in SVG. */
export function drawn(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) attribute(made, name, value);
  made.append(...children);
  return made;
}

/** Sets a text, if it is another one: a text node that is set anew costs a layout even where it stays the same. */
export function text(target, value) {
  const said = String(value);
  if (target.textContent !== said) target.textContent = said;
}

/** Sets an attribute, if it is another one; `null` and `false` take it away. */
export function attribute(target, name, value) {
  if (value === null || value === undefined || value === false) target.removeAttribute(name);
  else if (target.getAttribute(name) !== String(value)) target.setAttribute(name, value === true ? '' : value);
}

/**
 * Makes the children of a parent those of the items, in their order. A child stays the same element as long as there is an
 * item with its key, so that what is open, focused or selected in it stays so.
 */
export function keyed(parent, items, keyOf, make, update) {
  const children = (parent.keyedChildren ??= new Map());
  const keys = new Set(items.map(keyOf));
  for (const [key, child] of children) {
    if (!keys.has(key)) {
      child.remove();
      children.delete(key);
    }
  }
  let before = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let child = children.get(key);
    if (!child) {
      child = make(item);
      children.set(key, child);
    }
    if (child === before) before = before.nextElementSibling;
    else parent.insertBefore(child, before);
    update(child, item);
  }
}

/** A shape of index.html, for the eye alone: a word stands beside it. */
export function shape(name) {
  return drawn('svg', { 'aria-hidden': 'true' }, drawn('use', { href: `#shape-${name}` }));
}

/** A state as shape, colour and word. */
export function stateElement() {
  return element('span', { class: 'state' }, shape('starting'), element('span'));
}

export function showState(target, state) {
  attribute(target, 'data-state', state);
  attribute(target.querySelector('use'), 'href', `#shape-${state}`);
  text(target.lastElementChild, state);
}
