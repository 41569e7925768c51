// How ratings look: stars filled as far as the average goes, and how many reviews gave each number of stars.

import { countOf, element } from "./format.js";

const STARS = [5, 4, 3, 2, 1];
const plural = (count, word) => `${countOf(count)} ${word}${count === 1 ? "" : "s"}`;

export const reviewsOf = (count) => (count ? plural(count, "review") : "No reviews");
export const averageOf = (average) => (average === null ? "–" : average.toFixed(2));

/** Five stars, `value` of them filled; read out as one number. */
export function stars(value) {
  const label = value === null ? "Not rated" : `${value} of 5 stars`;
  const node = element("span", { className: "stars", role: "img", ariaLabel: label });
  fill(node, value);
  return node;
}

export function fill(node, value) {
  node.style.setProperty("--filled", `${((value ?? 0) / 5) * 100}%`);
}

/** Five small columns, one star to five, for lists. */
export function columns({ histogram, reviewCount }) {
  const highest = Math.max(1, ...Object.values(histogram));
  const label = reviewCount ? STARS.map((n) => `${plural(n, "star")}: ${histogram[n]}`).join(", ") : "No reviews";
  const node = element("span", { className: "columns-of-stars", role: "img", ariaLabel: label });
  for (const n of STARS.toReversed()) {
    const column = element("span");
    column.style.setProperty("--share", `${(histogram[n] / highest) * 100}%`);
    node.append(column);
  }
  return node;
}

/** The average and the histogram of one product; showing another rating moves the bars there. */
export function ratingBox(box) {
  const average = element("span", { className: "average number" });
  const count = element("span", { className: "of" });
  const row = element("span", { className: "stars", ariaHidden: "true" });
  const bars = new Map(STARS.map((n) => [n, { bar: element("span", { className: "bar" }), count: element("span", { className: "number" }) }]));
  const list = element("ul", { className: "histogram" }, ...[...bars].map(([n, { bar, count }]) =>
    element("li", {}, element("span", {}, plural(n, "star")), bar, count)));
  box.replaceChildren(element("p", { className: "rating-head" }, average, row, count), list);
  return ({ averageRating, reviewCount, histogram }) => {
    average.textContent = averageOf(averageRating);
    count.textContent = averageRating === null ? "No reviews yet" : `of 5, ${reviewsOf(reviewCount)}`;
    fill(row, averageRating);
    for (const [n, { bar, count }] of bars) {
      bar.style.setProperty("--share", `${reviewCount ? (histogram[n] / reviewCount) * 100 : 0}%`);
      count.textContent = countOf(histogram[n]);
    }
  };
}
