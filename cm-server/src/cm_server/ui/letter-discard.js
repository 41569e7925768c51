// A letter put aside for good, with a note that says why.

import * as alert from "./alert.js";
import * as api from "./api.js";
import { busy, fields, isBusy } from "./fields.js";
import { announce } from "./format.js";
import { NEEDS } from "./letter-words.js";

const UNSURE = "It is not known whether it was discarded. Doing it again can't do it twice.";
const $ = (id) => document.getElementById(id);
const [card, form, region, button] = ["discard-card", "discard-form", "discard-alert", "discard"].map($);
const entries = fields(form, ["note"]);
let receipt = null;
let done = () => {};

/** Calls `listener` after it was discarded, or somebody else had dealt with it. */
export function onDone(listener) {
  done = listener;
}

export function forget() {
  receipt = null;
  form.reset();
  entries.showErrors([]);
  alert.clear(region);
}

export function show(letter) {
  receipt = letter.receipt;
  const dealt = letter.state === "redriven" || letter.state === "discarded";
  card.hidden = dealt && region.hidden; // that another desk was faster is still to be read
  $("discard-field").hidden = button.hidden = dealt;
}

async function send() {
  if (isBusy(button)) return;
  const mine = receipt;
  alert.clear(region);
  busy(button, true);
  try {
    await api.discardLetter(mine, entries.value("note"));
    if (mine !== receipt) return;
    announce("It is discarded.");
    await done();
    $("letter-title").focus();
  } catch (problem) {
    if (!(problem instanceof api.Problem)) throw problem;
    if (mine === receipt) await explain(problem);
  } finally {
    busy(button, false);
  }
}

async function explain(problem) {
  if (entries.showErrors(problem.fields)) return;
  const meaning = { 403: NEEDS, 409: "Another desk was faster. Nothing was discarded." }[problem.status];
  if (problem.status === 403) button.hidden = true;
  alert.show(region, problem, meaning ?? (problem.passing ? UNSURE : "Nothing was discarded."), send);
  if (problem.status === 409) await done();
  if (button.hidden) region.focus();
}

entries.watch(send);
