// The conservation line: what was accepted is somewhere, and adds up.

import { countOf, element } from "./format.js";

const TERMS = [
  { field: "stored", level: "well", always: true },
  { field: "duplicate", level: "" },
  { field: "waiting", level: "watched", always: true },
  { field: "rejected", level: "bad" },
  { field: "skipped", level: "bad" },
  { field: "gone", level: "bad" },
  { field: "moved", level: "unknown" },
];

/** Fills `node` with the line of a balance; `lead` stands before it. */
export function show(node, balance, lead = "") {
  const terms = TERMS.filter(({ field, always }) => always || balance[field]).map(({ field, level }, index) =>
    element("span", { className: "term" }, index ? "+ " : "= ", field, " ", number(balance[field], level)));
  node.replaceChildren(lead, element("span", { className: "term" }, "accepted ", number(balance.accepted, "")),
    ...terms.flatMap((term) => [" ", term]));
  if (balance.difference) {
    const text = `${countOf(balance.difference)} that nobody can tell what became of`;
    node.append(" ", element("b", { className: "is-bad" }, `+ ${text}`));
  }
}

function number(value, level) {
  return element("b", { className: level && value ? `is-${level}` : "" }, countOf(value));
}
