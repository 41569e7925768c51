// The form: what it holds, where its errors show, and the key that makes sending the same purchase twice harmless.

import * as buyer from "./buyer.js";
import { fields } from "./fields.js";
import { once } from "./submit-once.js";

const entries = fields(document.getElementById("purchase"), ["username", "userid", "price", "timestamp"]);

buyer.fill(entries.control("userid"), entries.control("username"));

export const { value, showErrors, watch } = entries;
export const { keyFor, settle } = once();

/** The purchase as the API wants it, or null when a field needs attention first. The server judges the rest. */
export function purchase() {
  const errors = ["username", "userid", "price"]
    .filter((name) => !value(name))
    .map((name) => ({ field: name, detail: `Enter a ${label(name)}.` }));
  if (entries.control("timestamp").validity.badInput) {
    errors.push({ field: "timestamp", detail: "Complete the date and time, or clear the field." });
  }
  if (showErrors(errors)) return null;
  const entered = { username: value("username"), userid: value("userid"), price: value("price") };
  const when = value("timestamp");
  return when ? { ...entered, timestamp: new Date(when).toISOString() } : entered;
}

/** Ready for the next purchase of the same user; an emptied price keeps a second Enter from buying twice. */
export function next() {
  for (const name of ["price", "timestamp"]) entries.control(name).value = "";
}

const label = (name) => (name === "userid" ? "user ID" : name);
