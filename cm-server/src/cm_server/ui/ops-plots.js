// Small plots: what waits by partition, and the last quarter of an hour.

import { countOf, element } from "./format.js";
import { drawing } from "./ops-marks.js";

const WIDTH = 240, HEIGHT = 44, GAP = 3;

/** A bar a partition; the hot one stands out. */
export function bars({ partitions }) {
  const most = Math.max(...partitions.map(({ waiting }) => waiting), 1);
  const image = canvas(`Waiting by partition: at most ${countOf(most)}. The table has each.`);
  const step = WIDTH / Math.max(partitions.length, 1);
  for (const [index, { waiting, hot }] of partitions.entries()) {
    const height = waiting ? Math.max(2, (waiting / most) * (HEIGHT - 2)) : 0;
    image.append(drawing("rect", {
      x: index * step, width: Math.max(1, step - GAP), y: HEIGHT - 1 - height, height, class: hot ? "hot" : "",
    }));
  }
  return figure(image, "Waiting by partition", most > 1 ? `up to ${countOf(most)}` : "");
}

/** In and done by second, as lines; from one sample to the next. */
export function rates(samples, stepSeconds) {
  const [came, done] = ["accepted", "applied"].map((field) => samples.slice(1).map((sample, index) =>
    Math.max(0, sample[field] - samples[index][field]) / seconds(samples[index], sample, stepSeconds)));
  const most = Math.max(...came, ...done, 0);
  const image = canvas(`Events a second in the last quarter of an hour: up to ${rateOf(most)} came in or were done.`);
  image.append(path(came, most, "came"), path(done, most, "done"));
  const keys = element("span", { className: "keys" },
    element("span", { className: "key" }, "in"), element("span", { className: "key of-done" }, "done"));
  return figure(image, keys, most ? `up to ${rateOf(most)}/s` : "none in 15 min");
}

export function waiting(samples) {
  const values = samples.map(({ waiting }) => waiting);
  const most = Math.max(...values, 0);
  const image = canvas(`Waiting in the last quarter of an hour: up to ${countOf(most)}.`);
  if (most && values.length > 1) image.append(drawing("path", { d: `${points(values, most)}V${HEIGHT}H0z`, class: "waits" }));
  return figure(image, "Waiting, 15 min", most ? `up to ${countOf(most)}` : "none");
}

export function rateOf(value) {
  return value && value < 10 ? value.toFixed(1) : countOf(Math.round(value));
}

function seconds(before, after, otherwise) {
  return (Date.parse(after.at) - Date.parse(before.at)) / 1000 || otherwise;
}

function points(values, most) {
  const step = WIDTH / Math.max(values.length - 1, 1);
  return `M${values.map((value, index) => `${(index * step).toFixed(1)} ${(HEIGHT - 1 - (value / most) * (HEIGHT - 4)).toFixed(1)}`).join("L")}`;
}

function path(values, most, name) {
  return drawing("path", { d: most && values.length > 1 ? points(values, most) : "M0 0", class: name });
}

function canvas(label) {
  const image = drawing("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label });
  image.append(drawing("path", { d: `M0 ${HEIGHT - 0.5}H${WIDTH}`, class: "ground" }));
  return image;
}

function figure(image, title, top) {
  const caption = element("figcaption", {}, element("span", {}, title), element("span", { className: "number" }, top));
  return element("figure", { className: "plot" }, caption, image);
}
