// The basket's view: its lines, who buys them, one request for all of them, and what became of each.

import * as alert from "./alert.js";
import * as api from "./api.js";
import * as basket from "./basket.js";
import * as buyer from "./buyer.js";
import { busy, fields, isBusy } from "./fields.js";
import { announce, element, price, sentence } from "./format.js";
import { lives } from "./purchase-status.js";
import { randomKey } from "./submit-once.js";

const $ = (id) => document.getElementById(id);
const [list, empty, foot, total, button, region, title] = [
  "lines", "basket-empty", "basket-foot", "total", "buy-all", "basket-alert", "basket-title",
].map($);
const entries = fields($("basket-form"), ["basketBuyer", "basketUsername"]);
const bought = lives($("bought"), $("bought-list"), 100);
const OPEN = "It is not known whether this was bought. Sending again can't buy it twice.";

export function open() {
  buyer.fill(entries.control("basketBuyer"), entries.control("basketUsername"));
}

function show() {
  const lines = basket.lines();
  for (const node of document.querySelectorAll(".basket-count")) node.textContent = String(lines.length);
  list.replaceChildren(...lines.map(row));
  list.hidden = foot.hidden = lines.length === 0;
  empty.hidden = lines.length > 0;
  total.textContent = price(sum(lines));
  button.textContent = lines.length === 1 ? "Buy it" : "Buy all";
}

function row({ id, product, error }) {
  const isOpen = basket.batch()?.sent.some((entry) => entry.line === id && !entry.settled);
  const ariaLabel = `Remove: ${product.name}`;
  const remove = element("button", { type: "button", className: "quiet", hidden: Boolean(isOpen), ariaLabel }, "Remove");
  remove.addEventListener("click", () => {
    basket.remove(id);
    announce(`${product.name} is no longer in the basket.`);
    title.focus();
  });
  const note = isOpen ? OPEN : error && sentence(error);
  return element("li", {},
    element("a", { className: "line-name", href: `#product/${encodeURIComponent(product.id)}` }, product.name),
    element("span", { className: "number line-price" }, price(product.price)), remove,
    ...(note ? [element("p", { className: isOpen ? "hint line-note" : "error line-note" }, note)] : []));
}

/** Exact, in hundredths: prices have at most two digits after the point. */
function sum(lines) {
  const hundredths = lines.reduce((all, { product }) => {
    const [whole, part = ""] = product.price.split(".");
    return all + BigInt(whole) * 100n + BigInt(part.padEnd(2, "0"));
  }, 0n);
  const text = String(hundredths).padStart(3, "0");
  return `${text.slice(0, -2)}.${text.slice(-2)}`;
}

/** What is to be sent: first, in its old order, what is not known of, since an event is known by its key and its place. */
function toSend() {
  const open = basket.batch() ?? { key: randomKey(), sent: [] };
  const userid = entries.value("basketBuyer"), username = entries.value("basketUsername");
  const sent = new Set(open.sent.filter((entry) => !entry.settled).map((entry) => entry.line));
  const fresh = basket.lines().filter((line) => !sent.has(line.id)).map(({ id, product }) => ({
    line: id, name: product.name, settled: false,
    purchase: { username, userid, price: product.price, productid: product.id },
  }));
  return { key: open.key, sent: [...open.sent, ...fresh] };
}

async function send() {
  if (isBusy(button)) return;
  alert.clear(region);
  const missing = [["basketBuyer", "Enter a user ID."], ["basketUsername", "Enter a username."]]
    .filter(([name]) => !entries.value(name)).map(([field, detail]) => ({ field, detail }));
  if (entries.showErrors(missing) || !basket.lines().length) return;
  const batch = toSend();
  busy(button, true);
  try {
    const { results } = await api.buyAll(batch.sent.map((entry) => entry.purchase), batch.key);
    buyer.keep(batch.sent.at(-1).purchase);
    took(batch, results);
  } catch (problem) {
    failed(problem, batch);
  } finally {
    busy(button, false);
  }
}

function took({ key, sent }, results) {
  const news = sent.map((entry, index) => ({ ...entry, result: results[index] })).filter((entry) => !entry.settled);
  const known = (result) => result.receipt || result.status < 500;
  const gone = new Set(news.filter(({ result }) => result.receipt).map(({ line }) => line));
  const errors = new Map(news.filter(({ result }) => !result.receipt).map(({ line, result }) => [line, result.detail]));
  const lines = basket.lines().filter((line) => !gone.has(line.id))
    .map((line) => ({ ...line, error: errors.get(line.id) ?? line.error }));
  const after = sent.map((entry, index) => ({ ...entry, settled: entry.settled || known(results[index]) }));
  basket.settle(lines, after.every((entry) => entry.settled) ? null : { key, sent: after });
  for (const { purchase, name, result } of news.toReversed()) if (result.receipt) bought.begin(purchase, result, () => {}, name);
  const about = { userid: "basketBuyer", username: "basketUsername" };
  entries.showErrors(news.flatMap(({ result }) => result.errors ?? [])
    .filter(({ field }) => about[field]).map((fault) => ({ ...fault, field: about[fault.field] })));
  announce(`${gone.size} of ${news.length} accepted.`);
}

function failed(problem, batch) {
  if (!(problem instanceof api.Problem)) throw problem;
  // Without a clear answer each of them may have been bought: they are sent again as they were, under the same key.
  if (problem.passing) basket.settle(basket.lines(), batch);
  const meaning = problem.passing ? "The basket is kept, and sending it again can't buy twice." : "Nothing was bought.";
  alert.show(region, problem, meaning, send);
}

entries.watch(send);
basket.onChange(show);
