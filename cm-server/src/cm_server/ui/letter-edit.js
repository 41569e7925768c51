// The value of a letter to be mended: what its consumer would refuse is said before anything is sent.

import * as alert from "./alert.js";
import * as api from "./api.js";
import { busy, isBusy } from "./fields.js";
import { announce, element, sentence } from "./format.js";
import * as content from "./letter-content.js";
import { NEEDS, outcomeOf, receiptOf, wordOf } from "./letter-words.js";

const UNSURE = "It is not known whether it was sent. Sending it again can't store it twice.";
const FASTER = "Another desk was faster. Nothing was sent.";
const $ = (id) => document.getElementById(id);
const [form, value, hint, faults, region, outcome, acts, check, send] = [
  "mend", "value", "value-hint", "value-faults", "mend-alert", "outcome", "mend-acts", "check", "send",
].map($);
let open = null; // {receipt, kind, text} of the letter as it is
let done = () => {};

/** Calls `listener` after something was sent, or somebody else had. */
export function onDone(listener) {
  done = listener;
}

export function forget() {
  open = null;
  alert.clear(region);
  showOutcome(null);
}

/** A letter that is shown already keeps what was entered. */
export function show({ letter, value: said, faults: known }) {
  const final = letter.state === "redriven";
  acts.hidden = final;
  value.readOnly = final;
  if (final) showFaults([]);
  if (open?.receipt === letter.receipt) return;
  const { kind, text } = content.readable(said) ?? { kind: "json", text: "" };
  open = { receipt: letter.receipt, kind, text };
  value.value = text;
  value.rows = Math.min(24, Math.max(4, text.split("\n").length + 1));
  hint.textContent = hintOf(said, kind, letter);
  if (!final) showFaults(known);
}

function hintOf(said, kind, letter) {
  const what = `It is ${content.about(said)}.`;
  if (letter.cut.includes("value")) return `${what} It was cut: give the whole value.`;
  if (kind === "hex") return `${what} Digits are sent as bytes; JSON may stand in their place.`;
  return said === null || kind === "text" ? `${what} Left as it is, it is sent so; changed, it must be JSON.` : what;
}

/** The body of a request, or null where what was entered can't be sent. */
function body(dryRun) {
  const text = value.value.trim();
  const start = `{"dryRun":${dryRun}`;
  if (value.value === open.text) return `${start}}`;
  if (open.kind === "hex" && /^[0-9a-f\s]*$/i.test(text)) return `${start},"hex":${JSON.stringify(text.replace(/\s/g, ""))}}`;
  try {
    JSON.parse(text);
  } catch (error) {
    refuse([{ field: "value", detail: `is not JSON: ${error.message}` }]);
    return null;
  }
  return `${start},"value":${text}}`;
}

async function ask(button, dryRun) {
  if (isBusy(button) || isBusy(check) || isBusy(send)) return;
  alert.clear(region);
  showOutcome(null);
  const [mine, said] = [open, body(dryRun)];
  if (said === null) return;
  busy(button, true);
  try {
    const answer = await api.redriveLetter(mine.receipt, said);
    if (mine !== open) return;
    showFaults([]);
    told(answer);
    if (!dryRun) await dealt(outcome);
  } catch (problem) {
    if (!(problem instanceof api.Problem)) throw problem;
    if (mine === open) await explain(problem, dryRun, button);
  } finally {
    busy(button, false);
  }
}

function told(answer) {
  const { state, successor, why } = answer;
  const dry = state === "would be sent";
  const more = dry ? [": its consumer would take it. Nothing is sent yet."] : successor ? [" as ", receiptOf(successor, state === "rejected")] : [];
  outcome.dataset.level = wordOf(state)[0];
  showOutcome([element("p", {}, outcomeOf(answer), ...more), ...(why ? [element("p", {}, why)] : [])]);
  announce(outcome.textContent);
}

async function explain(problem, dryRun, button) {
  if (problem.status === 422 && problem.fields.length) return refuse(problem.fields);
  if (problem.status === 403) acts.hidden = true;
  const meaning = { 403: NEEDS, 409: FASTER }[problem.status] ?? (dryRun || !problem.passing ? "Nothing was sent." : UNSURE);
  alert.show(region, problem, meaning, () => ask(button, dryRun));
  if (problem.status === 409) await dealt(region);
}

/** The button that had the focus may be gone: stay at what is said. */
async function dealt(told) {
  await done();
  if (acts.hidden) told.focus();
}

/** The faults at the value, and the first of its fields marked in it. */
function refuse(found) {
  showFaults(found);
  value.focus();
  const name = `"${found[0].field.split(/[.[]/)[0]}"`;
  const at = value.value.indexOf(name);
  if (at >= 0) value.setSelectionRange(at, at + name.length);
  announce(`Nothing was sent. ${found.map(({ field, detail }) => sentence(`${field}: ${detail}`)).join(" ")}`);
}

function showFaults(found) {
  faults.hidden = found.length === 0;
  faults.replaceChildren(...found.map(({ field, detail }) => element("li", {}, element("b", {}, field), ` ${detail}`)));
  if (found.length) value.setAttribute("aria-invalid", "true");
  else value.removeAttribute("aria-invalid");
}

function showOutcome(nodes) {
  outcome.hidden = !nodes;
  outcome.replaceChildren(...(nodes ?? []));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask(send, false);
});
check.addEventListener("click", () => ask(check, true));
value.addEventListener("input", () => {
  showFaults([]);
  showOutcome(null);
});
