// The live campaigns with their live events, what ends first on top, each with the time that is left; and what starts next.

import { serverNow } from "./api.js";
import { folding } from "./folding.js";
import { announce, countdown, element, moment } from "./format.js";

const $ = (id) => document.getElementById(id);
const [list, empty, next, nextList, more] = ["live", "live-empty", "next", "next-list", "more-live"].map($);
const fold = folding(list, more, 5);
let known = null; // names by id of what was live before, null at first

export function show(campaigns, events, upcoming) {
  const soonest = campaigns.toSorted((one, other) => Date.parse(one.endDate) - Date.parse(other.endDate));
  list.replaceChildren(...soonest.map((campaign) =>
    card(campaign, events.filter((event) => event.campaignEventId === campaign.id))));
  fold();
  nextList.replaceChildren(...upcoming.map((campaign) => row(campaign, "startDate", "starts")));
  list.removeAttribute("aria-busy");
  list.hidden = campaigns.length === 0;
  empty.hidden = !list.hidden;
  next.hidden = upcoming.length === 0;
  tell(new Map(campaigns.map(({ id, name }) => [id, name])));
  tick();
}

/** Every second: the time that is left. */
export function tick() {
  const now = serverNow();
  for (const node of document.querySelectorAll("[data-until]")) {
    node.textContent = countdown(Number(node.dataset.until) - now);
  }
  for (const bar of document.querySelectorAll("progress[data-start]")) {
    bar.value = Math.min(1, Math.max(0, (now - bar.dataset.start) / (bar.dataset.end - bar.dataset.start)));
  }
}

function card(campaign, events) {
  const node = row(campaign, "endDate", "ends");
  node.append(progress(campaign));
  if (events.length) node.append(element("ul", { className: "inside" }, ...events.map((event) => row(event, "endDate", "ends"))));
  return node;
}

function row(thing, field, verb) {
  const left = element("span", { className: "left number" });
  left.dataset.until = Date.parse(thing[field]);
  return element("li", {},
    element("span", { className: "name" }, thing.name),
    element("span", { className: "when-left" }, `${verb} in `, left),
    element("span", { className: "until" }, `${verb} `, moment(thing[field])));
}

function progress(campaign) {
  const bar = element("progress", { max: 1, ariaLabel: `How much of ${campaign.name} is over` });
  [bar.dataset.start, bar.dataset.end] = [Date.parse(campaign.startDate), Date.parse(campaign.endDate)];
  return bar;
}

/** Says aloud what began and what ended while the page was open. */
function tell(now) {
  if (known !== null) {
    const begun = [...now].filter(([id]) => !known.has(id)).map(([, name]) => `${name} is live.`);
    const over = [...known].filter(([id]) => !now.has(id)).map(([, name]) => `${name} is over.`);
    if (begun.length + over.length) announce([...begun, ...over].join(" "));
  }
  known = now;
}
