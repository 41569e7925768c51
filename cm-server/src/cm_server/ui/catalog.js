// The catalog: the list of products, one product, or the basket.

import * as basket from "./basket-view.js";
import * as list from "./catalog-list.js";
import * as product from "./catalog-product.js";
import * as views from "./views.js";

const VIEWS = {
  list: { title: "Catalog", heading: "list-title", open: list.open },
  product: { title: "Product", heading: "product-name", open: product.open },
  basket: { title: "Basket", heading: "basket-title", open: basket.open },
};

product.onChange(list.update);
views.keep(VIEWS, (hash) => {
  const [, id] = hash.match(/^#product\/(.+)$/) ?? [];
  return id ? ["product", decodeURIComponent(id)] : [hash === "#basket" ? "basket" : "list"];
});
