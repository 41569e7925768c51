// What a user bought, newest first, page by page.

import * as alert from "./alert.js";
import * as api from "./api.js";
import { announce, element, price, time } from "./format.js";

const $ = (id) => document.getElementById(id);
const [title, table, rows, empty, foot, shown, more, refresh, region] = [
  "results-title", "table", "rows", "empty", "results-foot", "shown", "more", "refresh", "results-alert",
].map($);

let user = null;
let cursor = null;
let asked = 0; // an answer that a later question has overtaken is dropped
const lastReceipts = new Map(); // by username: a first page asked with it holds what this page just bought

export function start() {
  more.addEventListener("click", loadMore);
  refresh.addEventListener("click", () => load(user));
}

/** A purchase of this user became visible: remember it, and show it when the user's list is open. */
export function stored(username, receipt, id) {
  lastReceipts.set(username, receipt);
  if (username === user) load(username, id);
}

/** Shows the first page; a purchase with the id `fresh` is marked as new. */
export async function load(username, fresh = null) {
  await ask(username, null, (page) => {
    user = username;
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
    const page = await api.purchasesOf(username, { cursor: from, after });
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
  const text = cursor ? `${count} shown, older ones follow` : count === 1 ? "1 purchase" : `All ${count} purchases`;
  shown.textContent = text;
  if (aloud) announce(count ? `${title.textContent}: ${text}.` : `${$("empty-title").textContent}.`);
}

function row(item, fresh = null) {
  // The first part of an id is its time, so that neighbours look alike: the last part tells them apart.
  const id = element("code", { title: item._id }, `…${item._id.slice(-8)}`);
  const node = element("tr", {},
    element("td", { className: "when" }, time(item.timestamp)),
    element("td", { className: "who" }, item.userid),
    element("td", { className: "id" }, id),
    element("td", { className: "number" }, price(item.price)));
  if (fresh !== null && item._id === fresh) node.className = "fresh";
  return node;
}
