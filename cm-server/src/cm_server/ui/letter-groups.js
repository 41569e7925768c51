// Letters that are alike, the largest group first, and what can be done with a group or with all that are shown.

import { folding } from "./folding.js";
import { countOf, element, time } from "./format.js";
import * as bulk from "./letter-bulk.js";
import * as filter from "./letter-filter.js";
import { countedLetters, dotted } from "./letter-words.js";

const $ = (id) => document.getElementById(id);
const [list, more, whole] = ["groups", "more-groups", "whole"].map($);
const fold = folding(list, more, 5);

/** `changeable`: they are open, and this caller may change them. */
export function show(groups, total, changeable) {
  list.replaceChildren(...groups.map((group) => row(group, changeable)));
  whole.hidden = !changeable || groups.length < 2;
  whole.replaceChildren(...(whole.hidden ? [] : acts(` all ${countOf(total)}`, countedLetters(total), "all that are asked for", {})));
  fold();
}

function row(group, changeable) {
  const { domain, type, reason, count, first, last, receipt } = group;
  const node = element("li", {},
    element("p", { className: "group-count number" }, countOf(count), element("span", {}, count === 1 ? " alone" : " alike")),
    element("p", { className: "letter-reason" }, element("a", { href: filter.hrefOf(receipt) }, reason || "No reason was noted.")),
    element("p", { className: "letter-about" }, ...dotted(domain, type, first && time(first)), ...(last !== first ? [" to ", time(last)] : [])));
  if (changeable) node.append(element("div", { className: "acts" }, ...acts("", countedLetters(count), reason, { like: receipt })));
  return node;
}

/** The two buttons; each tries before it does anything. `many` is shown on them, `what` and `about` are told of them. */
function acts(many, what, about, choice) {
  const { state, ...chosen } = filter.choice();
  const button = (act, word) => element("button", {
    type: "button", className: "quiet", onclick: () => bulk.open(act, what, { ...chosen, ...choice }),
  }, `${word}${many}…`, element("span", { className: "visually-hidden" }, ` ${what}: ${about}`));
  return [button("redrive", "Redrive"), button("discard", "Discard")];
}
