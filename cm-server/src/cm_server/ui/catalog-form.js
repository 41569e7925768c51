// The form for one's own review: a new one, or a change of one that is there.

import * as alert from "./alert.js";
import * as api from "./api.js";
import * as reviews from "./catalog-reviews.js";
import { busy, fields, isBusy } from "./fields.js";
import { once } from "./submit-once.js";

const $ = (id) => document.getElementById(id);
const [node, title, button, cancel, region] = ["review", "review-title", "say", "cancel", "review-alert"].map($);
const entries = fields(node, ["userid", "displayName", "rating", "text"]);
const key = once();

let editing = null; // the review that is being changed, null for a new one
let stored = () => {};

export function onStored(listener) {
  stored = listener;
}

/** Empty but for who writes, for a new review. */
export function reset() {
  const { userid, displayName } = node.elements;
  const [id, shown] = [userid.value, displayName.value];
  node.reset();
  [userid.value, displayName.value] = [id, shown];
  entries.showErrors([]);
  alert.clear(region);
  mode(null);
}

/** Whose a review will be, where nobody has been named yet. */
export function of(userid) {
  if (editing || entries.value("userid")) return;
  node.elements.userid.value = userid;
  reviews.own(userid);
}

export function edit(review) {
  reset();
  node.elements.displayName.value = review.displayName;
  node.elements.rating.value = String(review.rating);
  node.elements.text.value = review.text;
  mode(review);
  title.scrollIntoView({ block: "nearest" });
  title.focus();
}

function mode(review) {
  editing = review;
  title.textContent = review ? "Change your review" : "Your review";
  button.textContent = review ? "Save changes" : "Add review";
  cancel.hidden = !review;
  node.elements.userid.readOnly = Boolean(review);
}

function review() {
  const missing = [["userid", "Enter a user ID."], ["displayName", "Enter a name."]]
    .filter(([name]) => !entries.value(name));
  if (!node.elements.rating.value) missing.push(["rating", "Choose 1 to 5 stars."]);
  if (entries.showErrors(missing.map(([field, detail]) => ({ field, detail })))) return null;
  return {
    userid: entries.value("userid"), displayName: entries.value("displayName"),
    rating: Number(node.elements.rating.value), text: entries.value("text"),
  };
}

async function send() {
  if (isBusy(button)) return;
  alert.clear(region);
  const said = review();
  if (!said) return;
  const [product, changes] = [reviews.product(), editing];
  busy(button, true);
  try {
    const content = { product, changes: changes?.id, said };
    const done = await (changes
      ? api.changeReview(product, changes.id, said, key.keyFor(content))
      : api.addReview(product, said, key.keyFor(content)));
    key.settle();
    if (product === reviews.product()) reset();
    stored(done.receipt, changes ? "Your review was changed." : "Your review was added.");
  } catch (problem) {
    explain(problem);
  } finally {
    busy(button, false);
  }
}

function explain(problem) {
  const safe = "Your entries are kept, and sending them again can't count twice.";
  alert.explain(problem, region, { ...entries, ...key }, "The review was not stored.", safe, send);
}

entries.watch(send);
node.elements.userid.addEventListener("input", () => reviews.own(entries.value("userid")));
cancel.addEventListener("click", () => {
  const was = editing.id;
  reset();
  reviews.focusOn(was);
});
