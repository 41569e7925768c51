// What a state is called, how much it matters, and its mark: a disc, a triangle or a square, for who sees no colour.

import { element } from "./format.js";

const LEVELS = {
  calm: { level: "well", word: "well" },
  busy: { level: "watched", word: "catching up" },
  growing: { level: "watched", word: "lag grows" },
  stopped: { level: "bad", word: "nobody reads" },
  stuck: { level: "bad", word: "stands still" },
};
const SHAPES = {
  well: "M5 0a5 5 0 1 0 0 10a5 5 0 1 0 0-10z", watched: "M5 0L10 9.5H0z", bad: "M0 0h10v10H0z",
  unknown: "M0 4h10v2H0z",
};

/** Of a domain; an event that is nowhere is worse than any lag. */
export function stateOf({ state, balance }) {
  if (balance.difference) return { level: "bad", word: "does not add up" };
  return LEVELS[state] ?? { level: "unknown", word: state };
}

export function drawing(name, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

export function mark(level) {
  const image = drawing("svg", { viewBox: "0 0 10 10", class: "mark", "aria-hidden": "true" });
  image.append(drawing("path", { d: SHAPES[level] }));
  return image;
}

/** A word in the colour of its level, behind its mark. */
export function marked(tag, level, ...words) {
  return element(tag, { className: `is-${level}` }, mark(level), ...words);
}
