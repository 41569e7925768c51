// One dead letter: why it was refused, what it says, what became of it, and what came before it.

import * as absent from "./absent.js";
import * as alert from "./alert.js";
import * as api from "./api.js";
import { base } from "./base.js";
import { element, time } from "./format.js";
import * as content from "./letter-content.js";
import * as discard from "./letter-discard.js";
import * as edit from "./letter-edit.js";
import { dotted, NEEDS, receiptOf, stateOf } from "./letter-words.js";
import { during } from "./loading.js";
import { onSignIn } from "./session.js";

const $ = (id) => document.getElementById(id);
const [body, region, title, facts, reason, became, chain, headers] = [
  "letter", "letter-alert", "letter-title", "letter-facts", "letter-reason", "became", "chain", "headers",
].map($);
let current = null; // the receipt of the open letter
let changed = () => {};

/** Calls `listener` when a letter was dealt with, or somebody else did. */
export function onChange(listener) {
  changed = listener;
}

export async function open(receipt) {
  current = receipt;
  title.textContent = receipt;
  document.title = `${receipt} · scalable-shop`;
  facts.replaceChildren();
  body.hidden = true;
  absent.hide();
  edit.forget();
  discard.forget();
  await load(receipt);
}

async function load(receipt) {
  try {
    const whole = await during(facts, api.letter(receipt));
    if (receipt !== current) return;
    alert.clear(region);
    show(whole);
    body.hidden = false;
  } catch (problem) {
    if (!(problem instanceof api.Problem)) throw problem;
    if (receipt === current) fail(problem, receipt);
  }
}

function fail(problem, receipt) {
  if (absent.is(problem)) {
    body.hidden = true;
    return absent.show();
  }
  const old = body.hidden ? "The dead letter could not be read." : "What is shown may be old.";
  // That there is none says it all.
  const meaning = { 403: NEEDS, 404: "" }[problem.status] ?? old;
  alert.show(region, problem, meaning, () => load(receipt));
}

function show(whole) {
  const { letter } = whole;
  facts.replaceChildren(...dotted(stateOf(letter), letter.domain, letter.type, letter.at && time(letter.at)));
  reason.textContent = letter.reason || "No reason was noted.";
  $("alike-link").href = `?${new URLSearchParams({ like: letter.receipt, state: "all" })}`;
  $("trace-link").href = new URL(`ops/trace?${new URLSearchParams({ of: letter.receipt })}`, base);
  showBecame(letter);
  showChain(whole);
  headers.replaceChildren(row("key", whole.key), ...whole.headers.map(({ name, value }) => row(name, value)));
  edit.show(whole);
  discard.show(letter);
}

const row = (name, value) =>
  element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, ...content.shown(value)));

function showBecame(letter) {
  const { by, doneAt, note, successor, cut } = letter;
  const rows = [
    ["State", stateOf(letter)],
    [letter.state === "sent" ? "Sent by" : "By", by],
    ["When", doneAt && time(doneAt)],
    ["Note", note],
    [letter.state === "redriven" ? "Stored as" : "Sent as", successor && element("code", {}, successor)],
    ["Cut", cut.length ? cut.join(", ") : null],
  ].filter(([, value]) => value);
  became.replaceChildren(...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

/** The letters of one event, oldest first. */
function showChain({ letter, chain: before, later }) {
  $("chain-card").hidden = before.length + later.length === 0;
  const link = (each) => step(receiptOf(each.receipt), each);
  chain.replaceChildren(...before.map(link), step("this one", letter), ...later.map(link));
}

const step = (name, letter) =>
  element("li", {}, element("p", { className: "letter-name" }, name, stateOf(letter)),
    element("p", { className: "letter-about" }, letter.reason));

/** Something was done with it, by this desk or another: what is noted of it now. */
async function renew() {
  changed();
  await load(current);
}

edit.onDone(renew);
discard.onDone(renew);
onSignIn(() => { if (!$("letter-view").hidden) load(current); });
