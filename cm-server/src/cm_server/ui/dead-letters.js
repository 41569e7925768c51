// Dead letters: the list, or one letter, whose receipt stands in the address.

import * as list from "./letter-list.js";
import * as letter from "./letter-view.js";
import * as views from "./views.js";

const VIEWS = {
  list: { title: "Dead letters", heading: "list-title", open: list.open },
  letter: { title: "Dead letter", heading: "letter-title", open: letter.open },
};

letter.onChange(list.renew);
views.keep(VIEWS, (hash) => {
  const [, receipt] = hash.match(/^#letter\/(.+)$/) ?? [];
  return receipt ? ["letter", decodeURIComponent(receipt)] : ["list"];
});
