// Wires the form to the API, the purchases' lives and the list.

import * as alert from "./alert.js";
import * as api from "./api.js";
import { busy, isBusy } from "./fields.js";
import * as form from "./form.js";
import * as life from "./purchase-status.js";
import * as list from "./purchase-list.js";

const region = document.getElementById("alert");
const buyButton = document.getElementById("buy");
const lookUpButton = document.getElementById("look-up");

async function buy() {
  if (isBusy(buyButton)) return;
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
  const safe = "Your entries are kept, and sending them again can't buy twice.";
  alert.explain(problem, region, form, "The purchase was not made.", safe, buy);
}

async function lookUp() {
  if (isBusy(lookUpButton)) return;
  const username = form.username();
  if (!username) return;
  busy(lookUpButton, true);
  await list.load(username).finally(() => busy(lookUpButton, false));
  const results = document.getElementById("results-title");
  // On a narrow screen the list is below the form, out of sight.
  if (results.getBoundingClientRect().top > window.innerHeight - 80) results.scrollIntoView({ block: "start" });
}

form.watch(buy);
lookUpButton.addEventListener("click", lookUp);
list.start();
