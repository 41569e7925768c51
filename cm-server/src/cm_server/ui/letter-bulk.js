// Many letters at once: first a dry run that says how many and which, then a second press that does it.

import * as alert from "./alert.js";
import * as api from "./api.js";
import { busy, isBusy } from "./fields.js";
import { countOf, element } from "./format.js";
import { countedLetters, NEEDS, outcomeOf, receiptOf, wordOf } from "./letter-words.js";

const WORDS = {
  redrive: { title: "Redrive", would: "would be sent", press: "Send", again: " again" },
  discard: { title: "Discard", would: "would be discarded", press: "Discard", again: "" },
};
const $ = (id) => document.getElementById(id);
const [dialog, form, title, said, list, notes, region, confirm, close] = [
  "bulk", "bulk-form", "bulk-title", "bulk-said", "bulk-letters", "bulk-notes", "bulk-alert", "bulk-confirm", "bulk-close",
].map($);
let plan = null; // {act, choice} as tried
let changed = false;
let done = () => {};

/** Calls `listener` when the dialog is closed after something was done. */
export function onDone(listener) {
  done = listener;
}

/** `act` is redrive or discard, `choice` names the letters as the API wants it. */
export function open(act, what, choice) {
  title.textContent = `${WORDS[act].title} ${what}`;
  notes.hidden = act !== "discard";
  form.reset();
  changed = false;
  dialog.showModal();
  tryOut(act, choice);
}

async function tryOut(act, choice) {
  plan = null;
  // Letters that come from now on are in no dry run, so they are not taken either.
  const now = new Date(api.serverNow()).toISOString();
  const until = choice.to && choice.to < now ? choice.to : now;
  await ask(act, { ...choice, dryRun: true }, "Nothing was done.", () => tryOut(act, choice), ({ outcomes, left }) => {
    const wanted = outcomes.filter(({ state }) => state === WORDS[act].would).length;
    said.textContent = [summary(outcomes), rest(left), "Nothing is done yet."].filter(Boolean).join(" ");
    if (!wanted) return void close.focus();
    plan = { act, choice: { ...choice, to: until } };
    confirm.textContent = `${WORDS[act].press} ${countOf(wanted)}${WORDS[act].again}`;
    confirm.hidden = false;
    if (act === "redrive") confirm.focus();
    else form.elements.bulkNote.focus();
  });
}

async function doIt() {
  if (!plan || isBusy(confirm)) return;
  const { act, choice } = plan;
  const note = act === "discard" ? { note: form.elements.bulkNote.value.trim() } : {};
  changed = true;
  said.textContent = "This may take some seconds.";
  const unsure = "It is not known which were dealt with. Doing it again can't do it twice.";
  await ask(act, { ...choice, ...note, dryRun: false }, unsure, doIt, ({ outcomes, left }) => {
    said.textContent = [summary(outcomes), rest(left)].join(" ").trim();
    confirm.hidden = notes.hidden = true;
    plan = null;
    close.focus();
  });
}

async function ask(act, choice, meaning, again, use) {
  const mine = dialog.dataset.turn = String(Number(dialog.dataset.turn ?? 0) + 1);
  alert.clear(region);
  busy(confirm, true);
  if (choice.dryRun) {
    list.replaceChildren();
    confirm.hidden = true;
    said.textContent = "Trying, without doing anything …";
  }
  try {
    const answer = await api.manyLetters(act, choice);
    if (mine !== dialog.dataset.turn) return;
    if (choice.dryRun) answer.outcomes = answer.outcomes.map(tried);
    list.replaceChildren(...answer.outcomes.map(row));
    use(answer);
  } catch (problem) {
    if (!(problem instanceof api.Problem)) throw problem;
    if (mine !== dialog.dataset.turn) return;
    said.textContent = "";
    alert.show(region, problem, problem.status === 403 ? NEEDS : meaning, again);
    if (!problem.passing) confirm.hidden = true;
  } finally {
    busy(confirm, false);
  }
}

/** In a dry run nothing is sent anyway: what is meant is that it would not be. */
const tried = (outcome) => (outcome.state === "not sent" ? { ...outcome, state: "would not be sent" } : outcome);

/** How many became what, the most first: "36 stored, 1 not sent." */
function summary(outcomes) {
  if (!outcomes.length) return "There is no such open dead letter any more.";
  const counts = new Map();
  for (const { state } of outcomes) counts.set(state, (counts.get(state) ?? 0) + 1);
  const most = [...counts].toSorted(([, one], [, other]) => other - one);
  return `${most.map(([state, count]) => `${countOf(count)} ${wordOf(state)[1]}`).join(", ")}.`;
}

function rest(left) {
  return left ? `These are the oldest; ${countedLetters(left)} more are left for another time.` : "";
}

function row(outcome) {
  return element("li", {}, receiptOf(outcome.receipt, false), outcomeOf(outcome),
    ...(outcome.why ? [element("p", { className: "letter-about" }, outcome.why)] : []));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  doIt();
});
close.addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => {
  dialog.dataset.turn = String(Number(dialog.dataset.turn) + 1);
  if (changed) done();
});
