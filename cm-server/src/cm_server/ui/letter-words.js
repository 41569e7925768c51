// What is said of dead letters everywhere on their page: states, links, times, counts.

import { countOf, element } from "./format.js";
import { marked } from "./ops-marks.js";

const STATES = {
  open: ["bad", "open"],
  sent: ["watched", "sent, not stored yet"],
  redriven: ["well", "redriven"],
  discarded: ["unknown", "discarded"],
};
const OUTCOMES = {
  stored: ["well", "stored"],
  rejected: ["bad", "rejected again"],
  accepted: ["watched", "sent, not stored yet"],
  "not sent": ["bad", "not sent"],
  discarded: ["well", "discarded"],
  "would not be sent": ["bad", "would not be sent"],
  "would be sent": ["well", "would be sent"],
  "would be discarded": ["well", "would be discarded"],
};
export const NEEDS = "Whoever opens a dead letter, sends it again or discards it needs the scope ops:write.";

export const stateOf = ({ state }) => marked("span", ...(STATES[state] ?? ["unknown", state]));
export const outcomeOf = ({ state }) => marked("span", ...wordOf(state));
export const wordOf = (state) => OUTCOMES[state] ?? ["unknown", state];
export const countedLetters = (count) => (count === 1 ? "1 dead letter" : `${countOf(count)} dead letters`);

/** A receipt; a link to its letter where there is one that may be opened. */
export function receiptOf(receipt, linked = true) {
  const code = element("code", {}, receipt);
  return linked ? element("a", { href: `#letter/${encodeURIComponent(receipt)}` }, code) : code;
}

/** What is known, a dot between each two. */
export function dotted(...parts) {
  return parts.filter(Boolean).flatMap((part, index) => (index ? [" · ", part] : [part]));
}
