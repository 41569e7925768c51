// What somebody means to buy, kept by the browser over pages and reloads; and what of it was sent without a clear answer.

import { element } from "./format.js";
import { randomKey } from "./submit-once.js";

const NAME = "shop-basket";
const MOST = 100;
const listeners = [];

/** `lines` are {id, product: {id, name, price}, error}; `batch` is {key, sent} while the fate of something sent is open. */
function read() {
  try {
    return JSON.parse(localStorage.getItem(NAME)) ?? { lines: [], batch: null };
  } catch {
    return { lines: [], batch: null }; // not ours, or cut
  }
}

let kept = read();

export const lines = () => kept.lines;
export const batch = () => kept.batch;

export function onChange(listener) {
  listeners.push(listener);
  listener();
}

function change(made) {
  kept = { ...kept, ...made };
  localStorage.setItem(NAME, JSON.stringify(kept));
  for (const listener of listeners) listener();
}

/** Whether there was room. */
export function add({ id, name, price }) {
  if (kept.lines.length >= MOST) return false;
  change({ lines: [...kept.lines, { id: randomKey(), product: { id, name, price }, error: null }] });
  return true;
}

export const remove = (id) => change({ lines: kept.lines.filter((line) => line.id !== id) });

/** What became of what was sent: the lines that stay, and the batch while something of it is open. */
export const settle = (lines, batch) => change({ lines, batch });

// Another tab changed it.
addEventListener("storage", (event) => {
  if (event.key !== NAME) return;
  kept = read();
  for (const listener of listeners) listener();
});

/** A button that puts `product` into the basket, and says so in its own place. */
export function button(product, say) {
  const ariaLabel = `Add to basket: ${product.name}`;
  const node = element("button", { type: "button", className: "quiet add", ariaLabel }, "Add to basket");
  node.addEventListener("click", () => {
    say(add(product) ? `${product.name} is in the basket.` : `The basket is full: it holds ${MOST} products.`);
  });
  return node;
}
