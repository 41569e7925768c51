// The life of each purchase made on this page: accepted, then stored or rejected, followed by its receipt.

import * as api from "./api.js";
import { announce, element, price, sentence } from "./format.js";

const KEPT = 3;
const FOLLOWED_AT_ONCE = 2; // a browser opens six connections to a host: waiting must leave room for buying
const WAIT_S = 2;
const section = document.getElementById("lives");
const list = document.getElementById("lives-list");

let following = 0;
const queue = [];

/** Shows the purchase as accepted and follows its receipt; onStored is called when it can be looked up. */
export function begin(purchase, accepted, onStored) {
  const item = card(purchase, accepted);
  list.prepend(item.node);
  section.hidden = false;
  tidy();
  item.node.scrollIntoView({ block: "nearest" });
  announce(`Purchase of ${price(purchase.price)} accepted.`);
  follow(item, purchase, accepted, onStored);
}

/** For another page of things: what was bought before is not shown there. */
export function clear() {
  list.replaceChildren();
  section.hidden = true;
}

/** Keeps the section small, but never hides a purchase whose fate is open. */
function tidy() {
  const settled = [...list.children].slice(KEPT).filter((node) => node.dataset.state !== "accepted");
  for (const node of settled) node.remove();
}

async function follow(item, purchase, accepted, onStored) {
  const started = performance.now();
  let failures = 0;
  while (true) {
    try {
      const { state, reason } = await inTurn(() => api.receipt(accepted.receipt, WAIT_S));
      failures = 0;
      if (state === "accepted") await pause(300);
      else return end(item, purchase, state, reason, performance.now() - started, onStored);
      item.say("Waiting to be stored");
    } catch (problem) {
      if (!problem.passing) return item.lose(problem.message);
      item.say("Still accepted. Can't ask for its state right now, trying again");
      failures += 1;
      await pause(Math.min(500 * 2 ** failures, 10_000));
    }
  }
}

function end(item, purchase, state, reason, elapsed, onStored) {
  if (state === "stored") {
    item.set("stored", `Stored in ${elapsed < 1000 ? `${Math.ceil(elapsed)} ms` : `${(elapsed / 1000).toFixed(1)} s`}`);
    announce(`Purchase of ${price(purchase.price)} stored.`);
    onStored();
  } else {
    item.set("rejected", sentence(reason || "No reason was given"));
    announce(`Purchase of ${price(purchase.price)} rejected: ${reason}`);
  }
}

function card(purchase, accepted) {
  const last = element("li", {}, "Storing");
  const note = element("p", { className: "life-note" }, "Waiting to be stored");
  const node = element("li", { className: "life" },
    element("p", { className: "life-who" }, purchase.username),
    element("ol", { className: "steps" }, element("li", { className: "done" }, "Accepted"), last),
    note,
    element("p", { className: "life-price number" }, price(purchase.price)));
  node.dataset.state = "accepted";
  node.dataset.receipt = accepted.receipt;
  const set = (state, text) => {
    node.dataset.state = state;
    last.className = state === "stored" ? "done" : state;
    last.textContent = { stored: "Stored", rejected: "Rejected", unknown: "Unknown" }[state];
    note.textContent = text;
  };
  return { node, set, say: (text) => { note.textContent = text; }, lose: (text) => set("unknown", text) };
}

async function inTurn(work) {
  if (following >= FOLLOWED_AT_ONCE) await new Promise((resolve) => queue.push(resolve));
  following += 1;
  try {
    return await work();
  } finally {
    following -= 1;
    queue.shift()?.();
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
