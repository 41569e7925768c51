// Which of the two views is open: the address after # says, so that links, back and reload lead to the same place.

import * as list from "./catalog-list.js";
import * as product from "./catalog-product.js";

const views = { list: document.getElementById("list-view"), product: document.getElementById("product-view") };

function open(event) {
  const [, id] = location.hash.match(/^#product\/(.+)$/) ?? [];
  views.product.hidden = !id;
  views.list.hidden = Boolean(id);
  document.title = `${id ? "Product" : "Catalog"} · scalable-shop`;
  if (id) product.open(decodeURIComponent(id));
  else list.open();
  // Moved here by a link: who reads by ear or keyboard goes on from the new title.
  if (event) document.getElementById(id ? "product-name" : "list-title").focus();
}

window.addEventListener("hashchange", open);
product.onChange(list.update);
open();
