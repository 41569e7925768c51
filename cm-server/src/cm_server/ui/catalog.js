// Which of the views is open: the address after # says, so that links, back and reload lead to the same place.

import * as basket from "./basket-view.js";
import * as list from "./catalog-list.js";
import * as product from "./catalog-product.js";

const NAMES = ["list", "product", "basket"];
const TITLES = { list: "list-title", product: "product-name", basket: "basket-title" };

function open(event) {
  const [, id] = location.hash.match(/^#product\/(.+)$/) ?? [];
  const view = id ? "product" : location.hash === "#basket" ? "basket" : "list";
  for (const name of NAMES) document.getElementById(`${name}-view`).hidden = name !== view;
  document.title = `${{ list: "Catalog", product: "Product", basket: "Basket" }[view]} · scalable-shop`;
  if (id) product.open(decodeURIComponent(id));
  else if (view === "basket") basket.open();
  else list.open();
  // Moved here by a link: who reads by ear or keyboard goes on from the new title.
  if (event) document.getElementById(TITLES[view]).focus();
}

// What follows # names the view here, so that "#main" would lead away from it.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("main").focus();
});
window.addEventListener("hashchange", open);
product.onChange(list.update);
open();
