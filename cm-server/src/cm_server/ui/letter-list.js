// The list of dead letters: alike ones counted first, then one by one, page by page.

import * as absent from "./absent.js";
import * as alert from "./alert.js";
import * as api from "./api.js";
import { onBack } from "./connection.js";
import { announce, countOf, element, time } from "./format.js";
import * as bulk from "./letter-bulk.js";
import * as filter from "./letter-filter.js";
import * as groups from "./letter-groups.js";
import { mayWrite } from "./letter-rights.js";
import { countedLetters, dotted, NEEDS, receiptOf, stateOf } from "./letter-words.js";
import { during } from "./loading.js";
import { onSignIn } from "./session.js";

const PAGE = 50;
const $ = (id) => document.getElementById(id);
const [found, list, empty, foot, shown, more, region, rights] =
  ["found", "letters", "letters-empty", "letters-foot", "letters-shown", "more-letters", "list-alert", "rights"].map($);
let asked = 0; // an answer that a later question has overtaken is dropped
let loaded = false, offered = false, may = false, next = null;

export function open() {
  absent.hide();
  if (!loaded) load();
}

/** What is shown is old: a letter was dealt with. */
export function renew() {
  loaded = false;
}

async function load() {
  const mine = ++asked;
  filter.keep();
  const choice = filter.choice();
  list.setAttribute("aria-busy", "true");
  try {
    const answers = Promise.all([api.letterGroups(choice), api.letters({ ...choice, limit: PAGE })]);
    const [alike, page] = await during(list, answers);
    may = await mayWrite();
    if (!offered) filter.choices((await api.letterGroups({ state: "all" })).groups);
    offered = true;
    if (mine !== asked) return;
    show(alike.groups, page, choice);
  } catch (problem) {
    if (!(problem instanceof api.Problem)) throw problem;
    if (mine === asked) fail(problem);
  } finally {
    if (mine === asked) list.removeAttribute("aria-busy");
  }
}

function show(alike, page, choice) {
  loaded = true;
  alert.clear(region);
  absent.hide();
  found.hidden = $("find").hidden = false;
  rights.hidden = may;
  rights.textContent = NEEDS;
  list.replaceChildren(...page.letters.map(row));
  groups.show(alike, page.total, may && choice.state === "");
  tell(page);
  empty.hidden = page.total > 0;
  found.hidden = page.total === 0;
  const only = Object.entries(choice).some(([name, value]) => value && name !== "state");
  const narrow = "Leave out a filter to see more.";
  $("letters-empty-title").textContent = choice.state || only ? "No such dead letter" : "No dead letter is open";
  $("letters-empty-text").textContent = choice.state || only ? narrow : "Every event was taken, or what was refused is dealt with.";
  if (!$("list-view").hidden) announce(page.total ? `${countedLetters(page.total)}.` : $("letters-empty-title").textContent);
}

function fail(problem) {
  found.hidden = true;
  empty.hidden = true;
  $("find").hidden = absent.is(problem);
  if (absent.is(problem)) {
    alert.clear(region);
    return absent.show();
  }
  const meaning = problem.status === 403 ? "Lists of dead letters need the scope ops:read." : "The dead letters could not be read.";
  alert.show(region, problem, meaning, load);
}

async function loadMore() {
  const mine = asked;
  try {
    const page = await api.letters({ ...filter.choice(), limit: PAGE, cursor: next });
    if (mine !== asked) return;
    list.append(...page.letters.map(row));
    tell(page);
    // The button that had the focus may be gone: stay at the end of the list, don't fall to the top of the page.
    if (more.hidden) shown.focus();
  } catch (problem) {
    if (!(problem instanceof api.Problem)) throw problem;
    if (mine === asked) alert.show(region, problem, "The next dead letters could not be read.", loadMore);
  }
}

function tell(page) {
  next = page.next;
  more.hidden = !next;
  foot.hidden = page.total === 0;
  shown.textContent = next ? `${countOf(list.children.length)} of ${countedLetters(page.total)}` : `All ${countedLetters(page.total)}`;
}

function row(letter) {
  const { type, at, count, by, note } = letter;
  const done = [by && `by ${by}`, note && `“${note}”`];
  return element("li", {},
    element("p", { className: "letter-name" }, receiptOf(letter.receipt, may), stateOf(letter)),
    element("p", { className: "letter-reason" }, letter.reason || "No reason was noted."),
    element("p", { className: "letter-about" },
      ...dotted(type, at && time(at), count > 1 && `${countOf(count)} of its event`, ...done)));
}

filter.onChange(load);
bulk.onDone(load);
more.addEventListener("click", loadMore);
$("refresh").addEventListener("click", load);
onBack(() => { if (!region.hidden) load(); });
onSignIn(() => { if (!$("list-view").hidden) load(); });
