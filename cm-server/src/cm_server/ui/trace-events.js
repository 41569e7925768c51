// One event's card: its state, what it is known by, and its steps with the time from one to the next.

import { base } from "./base.js";
import { element, time } from "./format.js";
import { marked } from "./ops-marks.js";

const STATES = {
  waiting: "watched", stored: "well", rejected: "bad", "set aside": "bad", skipped: "unknown",
};
const LEVELS = { ...STATES, redriven: "well", discarded: "unknown", "dead letter": "bad", "left the log": "unknown" };

export function shown(event) {
  const { receipt, state, reason, steps } = event;
  const head = element("div", { className: "traced-head" },
    element("h2", {}, receipt), element("p", {}, marked("span", STATES[state] ?? "unknown", state)));
  const card = element("section", { className: "card traced" }, head);
  if (reason) card.append(element("p", { className: "reason" }, reason));
  card.append(element("dl", { className: "facts" }, ...facts(event)), element("ol", { className: "way" }, ...way(steps)));
  card.setAttribute("aria-label", receipt);
  return card;
}

function facts({ receipt, domain, type, id, requestId, traceId, redrivenOf, successor, steps }) {
  const refused = steps.some(({ name }) => name === "dead letter");
  const rows = [
    ["Domain", domain],
    ["Type", type],
    ["Event id", id],
    ["Request", requestId],
    ["Trace", traceId !== requestId ? traceId : null],
    ["Sent again, before", redrivenOf],
    ["Sent again as", successor],
    ["Dead letter", refused ? letterOf(receipt) : null],
  ].filter(([, value]) => value);
  return rows.flatMap(([name, value]) => [
    element("dt", {}, name),
    element("dd", {}, typeof value === "string" ? element("code", {}, value) : value),
  ]);
}

const letterOf = (receipt) =>
  element("a", { href: new URL(`ops/dead-letters#letter/${encodeURIComponent(receipt)}`, base).href }, "Open it");

/** Each step, the first with its time, the others with what passed since the step before whose time is known. */
function way(steps) {
  let last = null;
  return steps.map(({ name, at, about }) => {
    const now = at === null ? null : Date.parse(at);
    const passed = at === null ? "" : last === null ? time(at) : since(now - last);
    if (now !== null) last = now;
    const step = element("li", {}, element("span", { className: "way-name" }, name),
      element("span", { className: "way-after", title: at ?? "" }, passed), element("span", { className: "way-about" }, about));
    if (LEVELS[name]) step.dataset.level = LEVELS[name];
    return step;
  });
}

function since(ms) {
  if (ms < 0) return "before that, by another clock";
  if (ms < 1000) return `+ ${ms} ms`;
  return ms < 120_000 ? `+ ${(ms / 1000).toFixed(1)} s` : `+ ${Math.round(ms / 60_000)} min`;
}
