// Wires the form to the API, the purchases' lives and the list.

import * as alert from "./alert.js";
import * as api from "./api.js";
import { announce } from "./format.js";
import * as form from "./form.js";
import * as life from "./life.js";
import * as list from "./list.js";

const region = document.getElementById("alert");
const buyButton = document.getElementById("buy");
const lookUpButton = document.getElementById("look-up");

async function buy() {
  // aria-disabled instead of disabled: a disabled button would lose the focus.
  if (buyButton.ariaDisabled === "true") return;
  alert.clear(region);
  const purchase = form.purchase();
  if (!purchase) return;
  busy(buyButton, true);
  try {
    const accepted = await api.buy(purchase, form.keyFor(purchase));
    form.settle();
    form.next();
    life.begin(purchase, accepted, () => list.stored(purchase.username, accepted.receipt, accepted.id));
  } catch (problem) {
    explain(problem);
  } finally {
    busy(buyButton, false);
  }
}

function explain(problem) {
  if (!(problem instanceof api.Problem)) throw problem;
  if (!problem.passing) form.settle();
  if (form.showErrors(problem.fields)) return announce("The purchase was not made. One field needs attention.");
  const meaning = problem.passing
    ? "Your entries are kept, and sending them again can't buy twice."
    : "The purchase was not made.";
  alert.show(region, problem, meaning, buy);
}

async function lookUp() {
  if (lookUpButton.ariaDisabled === "true") return;
  const username = form.username();
  if (!username) return;
  busy(lookUpButton, true);
  await list.load(username).finally(() => busy(lookUpButton, false));
  const results = document.getElementById("results-title");
  // On a narrow screen the list is below the form, out of sight.
  if (results.getBoundingClientRect().top > window.innerHeight - 80) results.scrollIntoView({ block: "start" });
}

function busy(button, is) {
  button.ariaDisabled = String(is);
  button.classList.toggle("busy", is);
}

form.watch(buy);
lookUpButton.addEventListener("click", lookUp);
list.start();
