// Grey rows where an answer will stand, when it takes longer than a moment and nothing is there yet.

import { element } from "./format.js";

const AFTER_MS = 200;

/** What `work` comes to. `list` is what it fills; the rows stand before `place`. */
export async function during(list, work, place = list) {
  const bones = element("div", { className: "bones", ariaHidden: "true" }, ...Array.from({ length: 4 }, () => element("span")));
  const timer = setTimeout(() => {
    if (!list.children.length && !place.parentNode.querySelector(":scope > .bones")) place.before(bones);
  }, AFTER_MS);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
    bones.remove();
  }
}
