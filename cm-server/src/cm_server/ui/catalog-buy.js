// Buying the open product at its price, and what becomes of that purchase. Its review counts as verified afterwards.

import * as alert from "./alert.js";
import * as api from "./api.js";
import * as basket from "./basket.js";
import * as buyer from "./buyer.js";
import { busy, fields, isBusy } from "./fields.js";
import { announce, price } from "./format.js";
import { lives } from "./purchase-status.js";
import { once } from "./submit-once.js";

const $ = (id) => document.getElementById(id);
const [button, region, cost] = ["buy", "buy-alert", "buy-price"].map($);
const entries = fields($("buy-form"), ["buyer", "username"]);
const key = once();
const status = lives($("lives"), $("lives-list"));
const LABELS = { buyer: "user ID", username: "username" };

let product = null;
let stored = () => {};

/** Hears of the user ID whose purchase was stored. */
export function onStored(listener) {
  stored = listener;
}

export function offer(open) {
  if (open.id !== product?.id) status.clear();
  product = open;
  cost.textContent = price(open.price);
  $("product-add").replaceChildren(basket.button(open, announce));
  buyer.fill(entries.control("buyer"), entries.control("username"));
  alert.clear(region);
  entries.showErrors([]);
}

async function buy() {
  if (isBusy(button)) return;
  alert.clear(region);
  const missing = Object.keys(LABELS).filter((name) => !entries.value(name));
  if (entries.showErrors(missing.map((field) => ({ field, detail: `Enter a ${LABELS[field]}.` })))) return;
  const [userid, username] = [entries.value("buyer"), entries.value("username")];
  const purchase = { username, userid, price: product.price, productid: product.id };
  busy(button, true);
  try {
    const accepted = await api.buy(purchase, key.keyFor(purchase));
    key.settle();
    buyer.keep(purchase);
    status.begin(purchase, accepted, () => stored(userid));
  } catch (problem) {
    explain(problem);
  } finally {
    busy(button, false);
  }
}

function explain(problem) {
  const safe = "Your entries are kept, and sending them again can't buy twice.";
  const named = (errors) => errors.map((error) => (error.field === "userid" ? { ...error, field: "buyer" } : error));
  const form = { showErrors: (errors) => entries.showErrors(named(errors)), settle: key.settle };
  alert.explain(problem, region, form, "The purchase was not made.", safe, buy);
}

entries.watch(buy);
