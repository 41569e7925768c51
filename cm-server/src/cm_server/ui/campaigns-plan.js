// The form for a campaign, and what becomes of one that was planned, in its place.

import * as alert from "./alert.js";
import * as api from "./api.js";
import { busy, fields, isBusy } from "./fields.js";
import { announce, element, moment, sentence } from "./format.js";
import { once } from "./submit-once.js";

const $ = (id) => document.getElementById(id);
const [form, button, region, planned] = ["plan", "plan-button", "plan-alert", "planned"].map($);
const MOMENTS = { startDate: "when it starts", endDate: "when it ends" };
const KEPT = 3;
const entries = fields(form, ["name", ...Object.keys(MOMENTS)]);
const key = once();
let stored = () => {};

export function onStored(listener) {
  stored = listener;
}

/** As the API wants it, null when a field needs attention first. The server judges the rest. */
function campaign() {
  const errors = entries.value("name") ? [] : [{ field: "name", detail: "Enter a name." }];
  for (const [field, what] of Object.entries(MOMENTS)) {
    const incomplete = entries.control(field).validity.badInput;
    if (incomplete) errors.push({ field, detail: "Complete the date and time." });
    else if (!entries.value(field)) errors.push({ field, detail: `Choose ${what}.` });
  }
  if (entries.showErrors(errors)) return null;
  const moments = Object.keys(MOMENTS).map((field) => [field, new Date(entries.value(field)).toISOString()]);
  return { name: entries.value("name"), ...Object.fromEntries(moments) };
}

async function plan() {
  if (isBusy(button)) return;
  alert.clear(region);
  const entered = campaign();
  if (!entered) return;
  busy(button, true);
  try {
    const { receipt } = await api.planCampaign(entered, key.keyFor(entered));
    key.settle();
    form.reset();
    follow(entered, receipt);
  } catch (problem) {
    const safe = "Your entries are kept, and sending them again can't plan two.";
    alert.explain(problem, region, { ...entries, ...key }, "The campaign was not planned.", safe, plan);
  } finally {
    busy(button, false);
  }
}

async function follow(campaign, receipt) {
  const item = card(campaign, receipt);
  planned.prepend(item.node);
  planned.hidden = false;
  for (const node of [...planned.children].slice(KEPT)) node.remove();
  announce(`${campaign.name} accepted.`);
  try {
    const { state, reason } = await api.settled(receipt);
    if (state === "rejected") return item.end(state, "Rejected", sentence(reason || "No reason was given"));
    item.end(state, "Stored", "Starts ", moment(campaign.startDate));
    announce(`${campaign.name} is planned.`);
    stored();
  } catch (problem) {
    if (!(problem instanceof api.Problem)) throw problem;
    item.end("unknown", "Unknown", `It is accepted. ${problem.message}`);
  }
}

function card(campaign, receipt) {
  const last = element("li", {}, "Storing");
  const note = element("p", { className: "life-note" }, "Waiting to be stored");
  const node = element("li", { className: "life" },
    element("p", { className: "life-who" }, campaign.name),
    element("ol", { className: "steps" }, element("li", { className: "done" }, "Accepted"), last), note);
  node.dataset.state = "accepted";
  node.dataset.receipt = receipt;
  const end = (state, word, ...said) => {
    node.dataset.state = state;
    last.className = state === "stored" ? "done" : state;
    last.textContent = word;
    note.replaceChildren(...said);
  };
  return { node, end };
}

entries.watch(plan);
