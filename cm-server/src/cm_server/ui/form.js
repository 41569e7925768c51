// The form: what it holds, where its errors show, and the key that makes sending the same purchase twice harmless.

import { fields } from "./fields.js";
import { once } from "./submit-once.js";

const entries = fields(document.getElementById("purchase"), ["username", "userid", "price", "timestamp"]);

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

export function username() {
  const name = value("username");
  // A browser takes "." and ".." for folders, even when they are escaped, and would ask for another address.
  const unaddressable = name === "." || name === "..";
  const detail = unaddressable ? "A username of dots alone can't be looked up here." : "Enter a username to look up.";
  return showErrors(name && !unaddressable ? [] : [{ field: "username", detail }]) ? null : name;
}

/** Ready for the next purchase of the same user; an emptied price keeps a second Enter from buying twice. */
export function next() {
  for (const name of ["price", "timestamp"]) entries.control(name).value = "";
}

const label = (name) => (name === "userid" ? "user ID" : name);
