// The lives of purchases made on a page: each is accepted, then stored or rejected, as the server tells of its receipt.
// Where it does not, for too many are listened to or something between cuts the stream off, it is asked.

import * as api from "./api.js";
import { announce, element, price, sentence } from "./format.js";

// A browser opens six connections to a host: waiting must leave room for buying.
const HEARD_AT_ONCE = 2;
const FOLLOWED_AT_ONCE = 2;
const WAIT_S = 2;
let hearing = 0;
let following = 0;
const queue = [];

/** The lives shown in `list` of `section`; of those whose fate is known the `kept` newest stay. */
export function lives(section, list, kept = 3) {
  /** Shows the purchase as accepted and follows its receipt; onStored is called when it can be looked up. */
  function begin(purchase, accepted, onStored, name = purchase.username) {
    const item = card(purchase, accepted, name);
    list.prepend(item.node);
    section.hidden = false;
    const settled = [...list.children].slice(kept).filter((node) => node.dataset.state !== "accepted");
    for (const node of settled) node.remove();
    item.node.scrollIntoView({ block: "nearest" });
    announce(`Purchase of ${price(purchase.price)} accepted.`);
    follow(item, purchase, accepted, onStored);
  }

  /** For another page of things: what was bought before is not shown there. */
  function clear() {
    list.replaceChildren();
    section.hidden = true;
  }

  return { begin, clear };
}

async function follow(item, purchase, accepted, onStored) {
  const started = performance.now();
  const told = await heard(accepted.receipt);
  if (told) return end(item, purchase, told.state, told.reason, performance.now() - started, onStored);
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
    item.lead(purchase.username);
    announce(`Purchase of ${price(purchase.price)} stored.`);
    onStored();
  } else {
    item.set("rejected", sentence(reason || "No reason was given"));
    announce(`Purchase of ${price(purchase.price)} rejected: ${reason}`);
  }
}

function card(purchase, accepted, name) {
  const last = element("li", {}, "Storing");
  const note = element("p", { className: "life-note" }, "Waiting to be stored");
  const node = element("li", { className: "life" },
    element("p", { className: "life-who" }, name),
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
  /** Where to go on from here; on the page of purchases themselves it is the list beside. */
  const lead = (username) => {
    if (document.getElementById("whose")) return;
    note.append(" · ", element("a", { href: `./?${new URLSearchParams({ user: username })}` }, "Show my purchases"));
  };
  return { node, set, lead, say: (text) => { note.textContent = text; }, lose: (text) => set("unknown", text) };
}

/** Null where the server is to be asked. */
async function heard(receipt) {
  if (hearing >= HEARD_AT_ONCE) return null;
  hearing += 1;
  try {
    return await api.hear(receipt);
  } catch {
    return null; // the stream was cut off: whoever asks will see why
  } finally {
    hearing -= 1;
  }
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
