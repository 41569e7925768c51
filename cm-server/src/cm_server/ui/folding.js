// A list of which the first ones are shown, and a button for the others: pages stay usable with hundreds.

import { countOf } from "./format.js";

/** What is called when the list has other rows. */
export function folding(list, more, first) {
  let all = false; // whether more than the first ones are shown

  function fold() {
    const others = Math.max(0, list.children.length - first);
    [...list.children].forEach((node, index) => { node.hidden = !all && index >= first; });
    more.hidden = others === 0;
    more.ariaExpanded = String(all);
    more.textContent = all ? "Show fewer" : `Show ${countOf(others)} more`;
  }

  more.addEventListener("click", () => {
    all = !all;
    fold();
  });
  return fold;
}
