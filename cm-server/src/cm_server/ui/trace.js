// Follow one event: what is asked for stands in the address, so that a link to it can be sent.

import * as absent from "./absent.js";
import * as address from "./address.js";
import * as alert from "./alert.js";
import * as api from "./api.js";
import { announce, countOf, moment } from "./format.js";
import { busy, fields, isBusy } from "./fields.js";
import { during } from "./loading.js";
import { onSignIn } from "./session.js";
import { shown } from "./trace-events.js";

const $ = (id) => document.getElementById(id);
const [form, region, events, none, noneText, more] = ["follow", "alert", "events", "none", "none-text", "more"].map($);
const button = form.querySelector("button");
const entries = fields(form, ["of"]);
const RECEIPT = /^.+-\d+-\d+$/;
const NEEDS = "Following an event needs the scope ops:read.";

entries.control("of").value = address.chosen("of");
entries.watch(() => {
  if (!entries.value("of")) return entries.showErrors([{ field: "of", detail: "Enter what an answer said: a receipt, an id, or X-Request-Id." }]);
  if (!isBusy(button)) follow();
});

async function follow() {
  const of = entries.value("of");
  address.choose({ of });
  clear();
  if (!of) return;
  document.title = `${of} · scalable-shop`;
  busy(button, true);
  try {
    show(await during(events, find(of)));
  } catch (problem) {
    if (!(problem instanceof api.Problem)) throw problem;
    fail(problem);
  } finally {
    busy(button, false);
  }
}

/** By its receipt, or else by an event's id, and then by the request's. */
async function find(of) {
  if (RECEIPT.test(of) && of.startsWith("shop.")) return api.trace({ receipt: of });
  const found = await api.trace({ id: of });
  return found.events.length ? found : api.trace({ requestId: of });
}

function clear() {
  alert.clear(region);
  absent.hide();
  for (const part of [none, more]) part.hidden = true;
  events.replaceChildren();
}

function show(found) {
  const { events: traced, more: hidden, lookedAt } = found;
  events.replaceChildren(...traced.map(shown));
  none.hidden = traced.length > 0;
  noneText.replaceChildren(...(lookedAt ? lookedThrough(lookedAt) : []));
  more.hidden = !hidden && !(traced.length && lookedAt && !lookedAt.whole);
  more.replaceChildren(...(hidden ? [`${countOf(hidden)} more are not shown. `] : []), ...(lookedAt ? lookedThrough(lookedAt) : []));
  announce(traced.length === 1 ? "One event was found." : `${countOf(traced.length)} events were found.`);
}

/** How far was looked, so that nobody takes "not found" for "never was". */
function lookedThrough({ events: looked, since, whole, unread }) {
  const apart = unread.length ? `; ${unread.join(", ")} could not be read` : "";
  if (whole) return [`Every event in the log was looked at (${countOf(looked)})${apart}.`];
  return [`The newest ${countOf(looked)} events were looked at`, ...(since ? [", back to ", moment(since)] : []), `${apart}. An older one is found by its receipt.`];
}

function fail(problem) {
  if (absent.is(problem)) return absent.show();
  if (problem.status === 400 || (problem.status === 404 && problem.fields.length)) {
    return entries.showErrors([{ field: "of", detail: `The receipt ${problem.fields[0].detail}` }]);
  }
  alert.show(region, problem, problem.status === 403 ? NEEDS : "", follow);
}

onSignIn(follow);
follow();
