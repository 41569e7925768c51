// One product: what it is, its rating, and after each command about a review what that made of the rating.

import * as alert from "./alert.js";
import * as api from "./api.js";
import * as buying from "./catalog-buy.js";
import * as form from "./catalog-form.js";
import * as reviews from "./catalog-reviews.js";
import { announce, element, price } from "./format.js";
import { during } from "./loading.js";
import { averageOf, ratingBox, reviewsOf } from "./stars.js";

const $ = (id) => document.getElementById(id);
const [view, region, name, facts, description, whole] = [
  "product", "product-alert", "product-name", "product-facts", "product-description", "whole-description",
].map($);
const showRating = ratingBox($("rating"));

let current = null; // the id of the open product
let tell = () => {};

export function onChange(listener) {
  tell = listener;
}

export async function open(id) {
  current = id;
  name.textContent = "Product";
  facts.replaceChildren();
  view.hidden = true;
  form.reset();
  await load(id);
}

async function load(id) {
  try {
    const product = await during(facts, api.product(id));
    if (id !== current) return;
    alert.clear(region);
    show(product);
    buying.offer(product);
    view.hidden = false;
    whole.hidden = description.scrollHeight <= description.clientHeight;
    await reviews.open(id);
  } catch (problem) {
    if (!(problem instanceof api.Problem)) throw problem;
    if (id === current) {
      // That there is none says it all.
      const meaning = problem.status === 404 ? "" : "The product could not be read.";
      alert.show(region, problem, meaning, () => load(id));
    }
  }
}

function show(product) {
  name.textContent = product.name;
  document.title = `${product.name} · scalable-shop`;
  const tags = product.tags.map((tag) => element("a", { className: "tag", href: `?${new URLSearchParams({ tag })}` }, tag));
  facts.replaceChildren(element("span", { className: "number" }, price(product.price)), ...tags);
  description.textContent = product.description || "None was given.";
  description.classList.remove("whole");
  showRating(product);
}

/** A command about a review is stored: show what the database has now, and say the rating aloud. */
async function changed(id, receipt, what) {
  if (id !== current) return;
  try {
    const [product] = await Promise.all([api.product(id, receipt), reviews.refresh(receipt)]);
    if (id !== current) return;
    showRating(product);
    tell(product);
    const { averageRating, reviewCount } = product;
    const rating = averageRating === null ? "There are no reviews." : `The average is ${averageOf(averageRating)} of ${reviewsOf(reviewCount)}.`;
    announce(`${what} ${rating}`);
  } catch (problem) {
    if (!(problem instanceof api.Problem)) throw problem;
    const meaning = `${what} What is shown may be old.`;
    if (id === current) alert.show(region, problem, meaning, () => changed(id, receipt, what));
  }
}

whole.addEventListener("click", () => {
  description.classList.add("whole");
  whole.hidden = true;
  description.tabIndex = -1;
  description.focus();
});
form.onStored((receipt, what) => changed(current, receipt, what));
reviews.onStored((receipt, what) => changed(current, receipt, what));
reviews.onEdit(form.edit);
buying.onStored(form.of);
