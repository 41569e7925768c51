// The list of products: in an order, by words or a tag, page by page, all of it in the address; and
// the form for a new one.

import * as address from "./address.js";
import * as alert from "./alert.js";
import * as api from "./api.js";
import * as basket from "./basket.js";
import { onBack } from "./connection.js";
import { busy, fields, isBusy } from "./fields.js";
import { announce, countOf, element, price } from "./format.js";
import { during } from "./loading.js";
import { once } from "./submit-once.js";
import { averageOf, columns, reviewsOf, stars } from "./stars.js";

const TYPING_MS = 250;
const PAGE = 20;
const MOST_WORDS = 8;
const $ = (id) => document.getElementById(id);
const [find, list, empty, foot, shown, more, region] = [
  "find", "products", "products-empty", "products-foot", "products-shown", "more-products", "products-alert",
].map($);
const entries = fields($("add-product"), ["name", "price", "description", "tags"]);
const key = once();

let cursor = null;
let after = null; // the receipt of the last product added here
let asked = 0; // an answer that a later question has overtaken is dropped
let loaded = false;
let typing = null;
let tag = address.chosen("tag"); // only products with it, "" for all
const DEFAULT_SORT = find.elements.sort.value;
find.elements.q.value = address.chosen("q");
find.elements.sort.value = address.chosen("sort") || DEFAULT_SORT;
if (find.elements.sort.selectedIndex < 0) find.elements.sort.value = DEFAULT_SORT;

export function open() {
  if (!loaded) load();
}

/** A product looks different: its place in the list stays until the list is asked for again. */
export function update(product) {
  document.getElementById(`product-${product.id}`)?.replaceWith(row(product));
}

/** The words to look for: no more than may be asked for, and nothing that is no word. */
function wanted() {
  return (find.elements.q.value.match(/[\p{L}\p{M}\p{N}_]+/gu) ?? []).slice(0, MOST_WORDS).join(" ");
}

async function load(fresh = null) {
  clearTimeout(typing);
  const { sort } = find.elements;
  address.choose({ sort: sort.value === DEFAULT_SORT ? "" : sort.value, q: wanted(), tag });
  $("tagged").hidden = !tag;
  $("tag-name").textContent = tag;
  await ask(null, (page) => {
    list.replaceChildren(...page.products.map((product) => row(product, fresh)));
    loaded = true;
    tell(page);
  });
}

async function loadMore() {
  await ask(cursor, (page) => {
    list.append(...page.products.map((product) => row(product)));
    tell(page);
    // The button that had the focus may be gone: stay at the end of the list, don't fall to the top of the page.
    if (more.hidden) shown.focus();
  });
}

async function ask(from, use) {
  const mine = ++asked;
  const choice = { sort: find.elements.sort.value, q: wanted(), tag, limit: PAGE };
  list.setAttribute("aria-busy", "true");
  try {
    const page = await during(list, api.products({ ...choice, cursor: from, after: from ? null : after }));
    if (mine !== asked) return;
    alert.clear(region);
    use(page);
  } catch (problem) {
    if (!(problem instanceof api.Problem)) throw problem;
    if (mine === asked) alert.show(region, problem, "The products could not be read.", () => ask(from, use));
  } finally {
    if (mine === asked) list.removeAttribute("aria-busy");
  }
}

function tell(page) {
  cursor = page.next;
  more.hidden = !cursor;
  const count = list.children.length;
  const words = wanted();
  list.hidden = foot.hidden = count === 0;
  empty.hidden = count > 0;
  const all = tag ? `No product has the tag “${tag}”.` : "Add the first one here, or fill the catalog with samples: shopctl seed";
  $("products-empty-text").textContent = words ? `No name and no tag has “${words}”.` : all;
  const some = count === 1 ? "1 product" : `${countOf(count)} products`;
  shown.textContent = cursor ? `${some} shown, more follow` : count === 1 ? some : `All ${some}`;
  // An answer that comes late, when a product is open, must not speak over what is said there.
  if (!$("list-view").hidden) announce(count ? `${shown.textContent}.` : "No product found.");
}

function row(product, fresh = null) {
  const link = element("a", { href: `#product/${encodeURIComponent(product.id)}` }, product.name);
  const tags = product.tags.map((name) =>
    element("button", { type: "button", className: "tag", title: "Show only products with this tag", onclick: () => only(name) }, name));
  const node = element("li", { id: `product-${product.id}`, className: product.id === fresh ? "fresh-card" : "" },
    element("p", { className: "product-name" }, link),
    element("p", { className: "tags" }, ...tags),
    element("p", { className: "product-rating" },
      stars(product.averageRating),
      element("span", { className: "number", ariaHidden: "true" }, averageOf(product.averageRating)),
      element("span", { className: "of" }, reviewsOf(product.reviewCount))),
    columns(product),
    element("p", { className: "product-price number" }, price(product.price)),
    basket.button(product, announce));
  return node;
}

/** Shows the products with this tag, all of them for "". */
async function only(name) {
  tag = name;
  await load();
  $("products-title").focus();
}

async function add() {
  if (isBusy($("add"))) return;
  alert.clear($("add-alert"));
  const required = ["name", "price"].filter((name) => !entries.value(name));
  if (entries.showErrors(required.map((field) => ({ field, detail: `Enter a ${field}.` })))) return;
  const tags = entries.value("tags").split(",").map((tag) => tag.trim()).filter(Boolean);
  const product = { name: entries.value("name"), price: entries.value("price"), description: entries.value("description"), tags };
  busy($("add"), true);
  try {
    const done = await api.addProduct(product, key.keyFor(product));
    key.settle();
    $("add-product").reset();
    after = done.receipt;
    // The newest first, so that it is seen.
    find.reset();
    tag = "";
    await load(done.id);
    announce(`${product.name} is in the catalog.`);
  } catch (problem) {
    explain(problem);
  } finally {
    busy($("add"), false);
  }
}

function explain(problem) {
  const safe = "Your entries are kept, and sending them again can't add two.";
  alert.explain(problem, $("add-alert"), { ...entries, ...key }, "The product was not added.", safe, add);
}

entries.watch(add);
more.addEventListener("click", loadMore);
$("any-tag").addEventListener("click", () => only(""));
onBack(() => { if (!region.hidden) load(); });
find.addEventListener("submit", (event) => {
  event.preventDefault();
  load();
});
find.elements.sort.addEventListener("change", () => load());
find.elements.q.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => load(), TYPING_MS);
});
