// The page of operators: asks every second what cm-ops sees, shows it, and says aloud only when the health changes.

import * as none from "./absent.js";
import * as alert from "./alert.js";
import * as api from "./api.js";
import { announce, countOf, element } from "./format.js";
import * as domains from "./ops-domains.js";
import * as line from "./ops-line.js";
import { marked, stateOf } from "./ops-marks.js";
import { rateOf } from "./ops-plots.js";

const EVERY_MS = 1_000, HISTORY_MS = 5_000, ABSENT_MS = 30_000;
const RANK = { well: 0, unknown: 1, watched: 2, bad: 3 };
const $ = (id) => document.getElementById(id);
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
let history = null, asked = 0, told = null, shown = null, running = false, absent = false, listed = "", timer = null;

async function round() {
  clearTimeout(timer);
  if (document.hidden || running) return;
  running = true;
  let wait = EVERY_MS;
  try {
    const readiness = api.readiness().catch(() => null);
    const snapshot = await api.opsSnapshot().catch(async (problem) => fail(problem, await readiness));
    if (!snapshot) return void (wait = absent ? ABSENT_MS : EVERY_MS);
    const ready = await readiness;
    if (Date.now() - asked >= HISTORY_MS) {
      history = await api.opsHistory();
      asked = Date.now();
    }
    show(snapshot, ready);
  } catch (problem) {
    if (!(problem instanceof api.Problem)) throw problem;
    fail(problem, null);
  } finally {
    running = false;
    timer = setTimeout(round, wait);
  }
}

function show(snapshot, ready) {
  shown = snapshot;
  alert.clear($("alert"));
  none.hide();
  $("shown").hidden = false;
  $("shown").classList.remove("old");
  $("as-of").textContent = `As of ${clock.format(new Date(snapshot.asOf))}.`;
  const parts = partsOf(snapshot, ready);
  showParts(parts);
  flow(snapshot);
  const { difference, gone, skipped } = snapshot.balance;
  line.show($("line"), snapshot.balance, difference || gone || skipped ? "" : "Nothing is lost: ");
  $("nothing-yet").hidden = snapshot.balance.accepted > 0;
  domains.show(snapshot.domains, history);
  rows();
  health(parts);
}

/** The last numbers stay, and look old; what is wrong stands above them, and what is not seen is not called well. */
function fail(problem, ready) {
  if (!(problem instanceof api.Problem)) throw problem;
  absent = none.is(problem);
  if (absent) {
    $("shown").hidden = true;
    none.show();
    return say("unknown", "not watched");
  }
  const meaning = shown ? "What is shown is old. The page goes on trying." : "The page goes on trying.";
  if ($("alert").hidden || !$("alert").textContent.includes(problem.message)) alert.show($("alert"), problem, meaning);
  $("shown").classList.add("old");
  if (shown) showParts(partsOf(shown, ready, problem.message));
  say("bad", problem.status === 401 || problem.status === 403 ? "not for you to see" : "can't be told");
}

/** `trouble` is why there is no newer snapshot, and names who is away; without one, Kafka and MongoDB have answered. */
function partsOf({ domains: every }, ready, trouble = "") {
  const away = { level: "bad", word: "away" }, well = { level: "well", word: "answers" };
  const unseen = { level: "unknown", word: "not seen" };
  const told = (name) => (!ready ? unseen : ready.dependencies[name]?.ok ? well : away);
  const looked = (name) => (!trouble ? well : trouble.startsWith(name) ? away : unseen);
  return [
    { name: "cm-server", ...(ready ? well : unseen) },
    { name: "Kafka", ...(trouble.startsWith("Kafka") ? away : told("kafka")) }, { name: "MongoDB", ...looked("MongoDB") },
    { name: "cm-api", ...told("cm-api") }, { name: "cm-ops", ...(trouble.startsWith("cm-ops") ? away : trouble && !ready ? unseen : well) },
    ...every.map((domain) => ({ name: domain.name, ...(trouble ? unseen : stateOf(domain)) })),
  ];
}

function showParts(parts) {
  $("parts").replaceChildren(...parts.map(({ name, level, word }) => marked("li", level, name, " ", element("span", {}, word))));
}

function flow({ domains: every, balance }) {
  const known = every.every(({ rates }) => rates);
  const rate = (field) => known ? `${rateOf(every.reduce((sum, { rates }) => sum + rates[field], 0))}/s` : "–";
  const members = every.reduce((sum, domain) => sum + domain.members.length, 0);
  const partitions = every.reduce((sum, domain) => sum + domain.partitions.length, 0);
  const stages = [
    ["Kafka", `${countOf(partitions)} partitions`, rate("accepted"), "in"],
    ["consumers", `${countOf(members)} at work`, `${countOf(balance.waiting)} wait`, ""],
    ["read models", `${countOf(balance.stored)} stored`, rate("applied"), "done"],
  ];
  $("flow").replaceChildren(
    element("li", {}, stage("cm-server", "answers")),
    ...stages.map(([name, about, value, what]) => element("li", {},
      element("span", { className: "rate number" }, `${value} ${what}`.trim()), stage(name, about))));
}

const stage = (name, about) =>
  element("div", { className: "stage" }, element("b", {}, name), element("span", { className: "number" }, about));

function health(parts) {
  const worst = parts.toSorted((one, other) => RANK[other.level] - RANK[one.level])[0].level;
  const troubled = parts.filter(({ level }) => level !== "well");
  const text = troubled.length ? troubled.map(({ name, word }) => `${name}: ${word}`).join(" · ") : "All is well";
  say(worst, text);
}

function say(level, text) {
  if (told === text) return;
  $("health").replaceChildren(marked("span", level, text));
  if (told !== null) announce(text);
  told = text;
}

$("as-table").addEventListener("click", ({ currentTarget }) => {
  const open = $("partitions").hidden;
  $("partitions").hidden = !open;
  currentTarget.ariaExpanded = String(open);
  currentTarget.textContent = open ? "Hide the table" : "Show as a table";
  rows();
});

function rows() {
  if (!shown || $("partitions").hidden) return;
  const said = JSON.stringify(shown.domains);
  if (said === listed) return; // a text that somebody marks to copy stays marked
  listed = said;
  $("partition-rows").replaceChildren(...shown.domains.flatMap((domain) => domain.partitions.map((each) =>
    element("tr", {},
      element("th", { scope: "row" }, `${domain.name} ${each.partition}${each.hot ? " (hot)" : ""}`),
      ...[each.position, each.end].map((value) => element("td", { className: "number offsets" }, countOf(value))),
      element("td", { className: "number" }, countOf(each.waiting)),
      element("td", {}, each.member ?? "nobody")))));
}

document.addEventListener("visibilitychange", round);
round();
