// Wires the form to the API, the purchases' lives and the list.

import * as alert from "./alert.js";
import * as api from "./api.js";
import * as buyer from "./buyer.js";
import { busy, isBusy } from "./fields.js";
import * as form from "./form.js";
import { lives } from "./purchase-status.js";
import * as list from "./purchase-list.js";

const $ = (id) => document.getElementById(id);
const [region, buyButton] = ["alert", "buy"].map($);
const made = lives($("lives"), $("lives-list"));

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
    buyer.keep(purchase);
    made.begin(purchase, accepted, () => list.stored(purchase.username, accepted.receipt, accepted.id));
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

form.watch(buy);
list.start();
