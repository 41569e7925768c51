// What a user bought, page by page; whose it is and in which order stands in the address.

import * as address from "./address.js";
import * as alert from "./alert.js";
import * as api from "./api.js";
import { onBack } from "./connection.js";
import { busy, fields, isBusy } from "./fields.js";
import { announce, element, price, time } from "./format.js";
import { during } from "./loading.js";

const $ = (id) => document.getElementById(id);
const [title, table, rows, empty, foot, shown, more, refresh, region] = [
  "results-title", "table", "rows", "empty", "results-foot", "shown", "more", "refresh", "results-alert",
].map($);
const [find, button] = ["find", "look-up"].map($);
const entries = fields(find, ["whose"]);

let user = null;
let cursor = null;
let asked = 0; // an answer that a later question has overtaken is dropped
const lastReceipts = new Map(); // by username: a first page asked with it holds what this page just bought

export function start() {
  more.addEventListener("click", loadMore);
  refresh.addEventListener("click", () => load(user));
  entries.watch(lookUp);
  find.elements.sort.addEventListener("change", () => { if (user !== null) load(user); });
  onBack(() => { if (user !== null && !region.hidden) load(user); });
  find.elements.sort.value = address.chosen("sort") === "oldest" ? "oldest" : "";
  const name = address.chosen("user");
  find.elements.whose.value = name;
  if (name) lookUp();
}

async function lookUp() {
  if (isBusy(button)) return;
  const name = username();
  if (!name) return;
  busy(button, true);
  await load(name).finally(() => busy(button, false));
  // On a narrow screen the list is below what else is there, out of sight.
  if (title.getBoundingClientRect().top > window.innerHeight - 80) title.scrollIntoView({ block: "start" });
}

function username() {
  const name = entries.value("whose");
  // A browser takes "." and ".." for folders, even when they are escaped, and would ask for another address.
  const unaddressable = name === "." || name === "..";
  const detail = unaddressable ? "A username of dots alone can't be looked up here." : "Enter a username to look up.";
  return entries.showErrors(name && !unaddressable ? [] : [{ field: "whose", detail }]) ? null : name;
}

/** A purchase of this user became visible: remember it, and show it when the user's list is open. */
export function stored(username, receipt, id) {
  lastReceipts.set(username, receipt);
  if (username === user) load(username, id);
  else if (user === null) find.elements.whose.value ||= username;
}

/** Shows the first page; a purchase with the id `fresh` is marked as new. */
export async function load(username, fresh = null) {
  await ask(username, null, (page) => {
    user = username;
    address.choose({ user, sort: find.elements.sort.value });
    title.textContent = `Purchases of ${username}`;
    rows.replaceChildren(...page.purchases.map((item) => row(item, fresh)));
    empty.hidden = page.purchases.length > 0;
    table.hidden = !empty.hidden;
    foot.hidden = table.hidden;
    refresh.hidden = false;
    $("empty-title").textContent = `No purchases of ${username}`;
    $("empty-text").textContent = "The first one shows here as soon as it is stored.";
    summarise(page, fresh === null);
  });
}

async function loadMore() {
  await ask(user, cursor, (page) => {
    rows.append(...page.purchases.map((item) => row(item)));
    summarise(page, true);
    // The button that had the focus may be gone: stay at the end of the list, don't fall to the top of the page.
    if (more.hidden) shown.focus();
  });
}

async function ask(username, from, use) {
  const mine = ++asked;
  const after = from ? null : lastReceipts.get(username) ?? null;
  table.setAttribute("aria-busy", "true");
  try {
    const sort = find.elements.sort.value;
    empty.hidden ||= user !== username; // of somebody else
    const page = await during(rows, api.purchasesOf(username, { cursor: from, after, sort }), table);
    if (mine !== asked) return;
    alert.clear(region);
    use(page);
  } catch (problem) {
    if (mine !== asked) return;
    const again = () => ask(username, from, use);
    alert.show(region, problem, "The list could not be read.", again);
  } finally {
    if (mine === asked) table.removeAttribute("aria-busy");
  }
}

function summarise(page, aloud) {
  cursor = page.next;
  more.hidden = !cursor;
  const count = rows.children.length;
  const text = cursor ? `${count} shown, ${find.elements.sort.value ? "newer" : "older"} ones follow` : count === 1 ? "1 purchase" : `All ${count} purchases`;
  shown.textContent = text;
  if (aloud) announce(count ? `${title.textContent}: ${text}.` : `${$("empty-title").textContent}.`);
}

function row(item, fresh = null) {
  // The first part of an id is its time, so that neighbours look alike: the last part tells them apart.
  const copy = element("button", { type: "button", className: "copy", title: `Copy ${item._id}`, onclick: () => copied(item._id) },
    element("code", {}, `…${item._id.slice(-8)}`));
  const who = [item.userid];
  if (item.productid) who.push(" ", element("a", { href: `catalog#product/${encodeURIComponent(item.productid)}`, className: "what" }, "Product"));
  const node = element("tr", {},
    element("td", { className: "when" }, time(item.timestamp)),
    element("td", { className: "who" }, ...who),
    element("td", { className: "id" }, copy),
    element("td", { className: "number" }, price(item.price)));
  if (fresh !== null && item._id === fresh) node.className = "fresh";
  return node;
}

async function copied(id) {
  try {
    await navigator.clipboard.writeText(id); // missing on plain http anywhere but localhost
    announce("The purchase's ID is copied.");
  } catch {
    announce(`It can't be copied here. The ID is ${id}.`);
  }
}
