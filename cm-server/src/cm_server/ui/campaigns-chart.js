// Three charts over the same hours, each on a scale of its own: impressions outnumber clicks, and would hide them.

import { countOf, element, hourOf } from "./format.js";

const SERIES = [
  { field: "impressions", title: "Impressions", one: "impression" },
  { field: "clicks", title: "Clicks", one: "click" },
  { field: "uniqueUsers", title: "Unique users", one: "unique user" },
];
const WIDTH = 960, HEIGHT = 96, GAP = 3;
const $ = (id) => document.getElementById(id);
const [charts, reading, rows, table, toggle] = ["charts", "reading", "hours", "hours-table", "as-table"].map($);

let hours = [];
let chosen = null; // the start of the hour under the pointer, null for the current one

toggle.addEventListener("click", () => {
  const shown = table.classList.toggle("visually-hidden") === false;
  toggle.ariaPressed = String(shown);
  table.tabIndex = shown ? 0 : -1; // it scrolls, so the keyboard must reach it
  toggle.textContent = shown ? "Hide the table" : "Show as a table";
});
charts.addEventListener("pointermove", (move) => choose(move));
charts.addEventListener("pointerleave", () => { chosen = null; read(); });

export function show(series) {
  hours = series;
  toggle.hidden = false;
  charts.replaceChildren(...SERIES.map(chart), axis());
  rows.replaceChildren(...series.toReversed().map(row));
  read();
}

function chart({ field, title }) {
  const highest = Math.max(...hours.map((hour) => hour[field]));
  const total = hours.reduce((sum, hour) => sum + hour[field], 0);
  const label = field === "uniqueUsers"
    ? `${title}: at most ${countOf(highest)} in one hour`
    : `${title}: ${countOf(total)} in 48 hours, at most ${countOf(highest)} in one hour`;
  const image = drawing("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `${label}. The table has each hour.` });
  image.append(drawing("path", { d: `M0 1H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}`, class: "grid" }));
  const step = WIDTH / hours.length;
  hours.forEach((hour, index) => {
    const height = highest ? (hour[field] / highest) * (HEIGHT - 2) : 0;
    const bar = drawing("rect", {
      x: index * step + GAP / 2, width: step - GAP, y: HEIGHT - height, height, class: index === hours.length - 1 ? "current" : "",
    });
    bar.dataset.start = hour.start;
    image.append(bar);
  });
  image.append(drawing("path", { d: `M0 ${HEIGHT - 0.5}H${WIDTH}`, class: "ground" }));
  const head = element("div", { className: "chart-head" },
    element("span", { className: "chart-title" }, title),
    element("span", { className: "chart-top number" }, highest ? `up to ${countOf(highest)} an hour` : "none yet"));
  return element("div", { className: `chart ${field}` }, head, element("div", { className: "plot" }, image, scale(highest)));
}

/** What the two lines of the grid stand for; the half only where it is whole. */
function scale(highest) {
  const half = highest % 2 ? "" : countOf(highest / 2);
  const marks = highest ? [countOf(highest), half] : ["", ""];
  return element("div", { className: "scale number", ariaHidden: "true" }, ...marks.map((text) => element("span", {}, text)), element("span", {}, "0"));
}

/** When the charts begin, and every half day from there. The table says the same to screen readers. */
function axis() {
  const marks = hours.filter((_, index) => index % 12 === 0).map(({ start }) => element("span", {}, hourOf(start)));
  return element("div", { className: "axis", ariaHidden: "true" }, ...marks);
}

function choose(move) {
  const image = move.target.closest("svg");
  if (!image) return;
  const { left, width } = image.getBoundingClientRect();
  const index = Math.min(hours.length - 1, Math.max(0, Math.floor(((move.clientX - left) / width) * hours.length)));
  chosen = hours[index]?.start ?? null;
  read();
}

/** The numbers of the hour under the pointer, or of the current one. */
function read() {
  const hour = hours.find(({ start }) => start === chosen) ?? hours.at(-1);
  if (!hour) return;
  const name = hour === hours.at(-1) ? "This hour so far" : hourOf(hour.start);
  const numbers = SERIES.map(({ field, title, one }) => `${countOf(hour[field])} ${hour[field] === 1 ? one : title.toLowerCase()}`).join(" · ");
  reading.replaceChildren(element("b", {}, name), ` ${numbers}`);
  for (const bar of charts.querySelectorAll("rect")) bar.classList.toggle("chosen", bar.dataset.start === chosen);
}

function row(hour, index) {
  const when = element("time", { dateTime: hour.start }, hourOf(hour.start) + (index === 0 ? " (so far)" : ""));
  return element("tr", {},
    element("th", { scope: "row" }, when),
    ...SERIES.map(({ field }) => element("td", { className: "number" }, countOf(hour[field]))));
}

function drawing(name, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}
