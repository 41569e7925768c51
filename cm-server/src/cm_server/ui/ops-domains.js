// A card for each domain: its state, its numbers, its line, and why it is so.

import { countOf, element } from "./format.js";
import * as line from "./ops-line.js";
import { marked, stateOf } from "./ops-marks.js";
import * as plots from "./ops-plots.js";

const LONG_S = 24 * 3600;
const list = document.getElementById("domains");
const cards = new Map(); // by name: what is shown, and the node that shows it

/** Only what has changed is drawn again, so a text that somebody marks to copy stays marked. */
export function show(domains, history) {
  const nodes = domains.map((domain) => {
    const samples = history?.domains[domain.name] ?? [];
    const said = JSON.stringify([domain, samples]);
    if (cards.get(domain.name)?.said !== said) {
      cards.set(domain.name, { said, node: card(domain, samples, history?.stepSeconds) });
    }
    return cards.get(domain.name).node;
  });
  if (nodes.some((node, index) => list.children[index] !== node)) list.replaceChildren(...nodes);
}

function card(domain, samples, stepSeconds) {
  const { level, word } = stateOf(domain);
  const balance = element("p", { className: "line" });
  line.show(balance, domain.balance);
  const node = element("li", { className: "card" },
    element("div", { className: "domain-head" }, element("h3", {}, domain.name), marked("p", level, word)),
    facts(domain), balance, ...why(domain), plots.bars(domain));
  node.dataset.state = domain.state;
  if (samples.length > 1) node.append(plots.rates(samples, stepSeconds), plots.waiting(samples));
  return node;
}

function facts({ rates, balance, members }) {
  const [came, done] = rates ? [rates.accepted, rates.applied].map(plots.rateOf) : ["–", "–"];
  const rows = [
    ["in / done", rates ? `${came} / ${done} /s` : "–"],
    ["waiting", countOf(balance.waiting)],
    ["empty in", balance.waiting ? duration(rates?.drainSeconds) : "now"],
    ["consumers", countOf(members.length)],
  ];
  return element("dl", { className: "facts" },
    ...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

/** What an operator would have to find out. */
function why({ name, partitions, balance, members }) {
  const said = [];
  const stuck = partitions.find(({ unreadable }) => unreadable);
  const hot = partitions.find((each) => each.hot);
  if (balance.difference) said.push(["The numbers do not add up: an event was lost, or the program is wrong.", "is-bad"]);
  if (stuck) said.push([`Partition ${stuck.partition} can't be read on: ${stuck.unreadable}.`, "is-bad"]);
  if (balance.gone) said.push([`${countOf(balance.gone)} left the log before they were read.`, "is-bad"]);
  if (balance.waiting && !members.length) said.push(["Events wait, and no consumer is in the group.", "is-bad"]);
  if (hot) said.push([`Partition ${hot.partition} is hot: one key has most of the lag.${hot.member ? ` ${hot.member} reads it.` : ""}`, ""]);
  const shown = said.map(([text, level]) => element("p", { className: `why ${level}` }, text));
  return balance.rejected ? [...shown, element("p", { className: "why" }, rejected(name))] : shown;
}

function rejected(name) {
  const href = `${document.getElementById("desk").href}?${new URLSearchParams({ domain: name })}`;
  return element("a", { href }, `Dead letters of ${name}`);
}

function duration(seconds) {
  if (seconds === null || seconds === undefined || seconds > LONG_S) return "not in sight";
  if (seconds < 1) return "less than 1 s";
  return seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
