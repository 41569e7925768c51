// What customers say of the open product, page by page; one's own can be changed or taken back.

import * as alert from "./alert.js";
import * as api from "./api.js";
import { busy, isBusy } from "./fields.js";
import { announce, countOf, element, time } from "./format.js";
import { during } from "./loading.js";
import { once } from "./submit-once.js";
import { stars } from "./stars.js";

const PAGE = 10;
const $ = (id) => document.getElementById(id);
const [list, title, empty, foot, shown, more, sort, region] = [
  "reviews", "reviews-title", "reviews-empty", "reviews-foot", "reviews-shown", "more-reviews", "review-sort", "reviews-alert",
].map($);
const key = once();

let id = null;
let cursor = null;
let asked = 0; // an answer that a later question has overtaken is dropped
let me = "";
const listeners = { stored: () => {}, edit: () => {} };

export const product = () => id;
export const onStored = (listener) => { listeners.stored = listener; };
export const onEdit = (listener) => { listeners.edit = listener; };

export function open(productid) {
  id = productid;
  list.replaceChildren();
  foot.hidden = empty.hidden = true;
  return ask(null, replace);
}

/** The first page again, not older than `receipt`. */
export const refresh = (receipt) => ask(null, replace, receipt);

/** Who is writing: their reviews get buttons. */
export function own(userid) {
  me = userid;
  for (const node of list.children) node.querySelector(".own").hidden = node.dataset.userid !== me;
}

export function focusOn(review) {
  ([...list.children].find((node) => node.dataset.id === review)?.querySelector("button") ?? title).focus();
}

async function ask(from, use, after = null) {
  const mine = ++asked;
  list.setAttribute("aria-busy", "true");
  try {
    const page = await during(list, api.reviews(id, { sort: sort.value, limit: PAGE, cursor: from, after }));
    if (mine !== asked) return;
    alert.clear(region);
    use(page);
    tell(page);
  } catch (problem) {
    if (!(problem instanceof api.Problem)) throw problem;
    if (mine === asked) alert.show(region, problem, "The reviews could not be read.", () => ask(from, use, after));
  } finally {
    if (mine === asked) list.removeAttribute("aria-busy");
  }
}

function replace(page) {
  list.replaceChildren(...page.reviews.map(row));
}

function append(page) {
  list.append(...page.reviews.map(row));
}

function tell(page) {
  cursor = page.next;
  more.hidden = !cursor;
  const count = list.children.length;
  foot.hidden = count === 0;
  empty.hidden = count > 0;
  shown.textContent = cursor ? `${countOf(count)} shown, more follow` : count === 1 ? "1 review" : `All ${countOf(count)} reviews`;
}

function row(review) {
  const when = [time(review.timestamp)];
  if (review.updatedAt) when.push(" · edited");
  const head = element("p", { className: "review-head" }, stars(review.rating),
    element("span", { className: "review-who" }, review.displayName));
  if (review.verifiedPurchase) head.append(element("span", { className: "tag" }, "Verified purchase"));
  const node = element("li", {}, head,
    element("p", { className: "review-when" }, ...when),
    element("p", { className: "prose whole" }, review.text),
    buttons(review));
  [node.dataset.id, node.dataset.userid] = [review.id, review.userid];
  return node;
}

/** Edit and Delete; Delete asks once more in its own place. */
function buttons(review) {
  const button = (text, onclick) => element("button", { type: "button", className: "quiet", onclick }, text);
  const edit = button("Edit", () => listeners.edit(review));
  const remove = button("Delete", () => choose(true));
  const sure = button("Delete it for good", () => take(review, sure));
  const keep = button("Keep it", () => choose(false));
  const node = element("div", { className: "own", hidden: review.userid !== me }, edit, remove, sure, keep);
  function choose(asking) {
    edit.hidden = remove.hidden = asking;
    sure.hidden = keep.hidden = !asking;
    (asking ? sure : remove).focus();
  }
  sure.hidden = keep.hidden = true;
  return node;
}

async function take(review, button) {
  if (isBusy(button)) return;
  busy(button, true);
  try {
    const done = await api.deleteReview(id, review.id, review.userid, key.keyFor(review.id));
    key.settle();
    title.focus();
    listeners.stored(done.receipt, "Your review was deleted.");
  } catch (problem) {
    if (!(problem instanceof api.Problem)) throw problem;
    if (!problem.passing) key.settle();
    alert.show(region, problem, "The review was not deleted.", () => take(review, button));
  } finally {
    busy(button, false);
  }
}

async function loadMore() {
  await ask(cursor, append);
  announce(`${shown.textContent}.`);
  if (more.hidden) shown.focus();
}

more.addEventListener("click", loadMore);
sort.addEventListener("change", async () => {
  await ask(null, replace);
  announce(`Reviews, ${sort.selectedOptions[0].text.toLowerCase()} first.`);
});
