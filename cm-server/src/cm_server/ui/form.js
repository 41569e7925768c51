// The form: what it holds, where its errors show, and the key that makes sending the same purchase twice harmless.

import { sentence } from "./format.js";

const FIELDS = ["username", "userid", "price", "timestamp"];
const form = document.getElementById("purchase");

let unsure = null; // {key, body} of a purchase sent without a clear answer: it may be in Kafka, or not

export function watch(onSubmit) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    onSubmit();
  });
  for (const name of FIELDS) input(name).addEventListener("input", () => setError(name, null));
}

export const value = (name) => input(name).value.trim();

/** The purchase as the API wants it, or null when a field needs attention first. The server judges the rest. */
export function purchase() {
  const errors = ["username", "userid", "price"]
    .filter((name) => !value(name))
    .map((name) => ({ field: name, detail: `Enter a ${label(name)}.` }));
  if (input("timestamp").validity.badInput) {
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

/** Shows errors at their fields and moves to the first. Returns whether one of them had a field to show it at. */
export function showErrors(errors) {
  for (const name of FIELDS) setError(name, errors.find((error) => error.field === name)?.detail ?? null);
  const first = FIELDS.find((name) => errors.some((error) => error.field === name));
  if (first) input(first).focus();
  return Boolean(first);
}

/** The same key for the same purchase until its fate is known, a new one otherwise. */
export function keyFor(body) {
  const text = JSON.stringify(body);
  if (unsure?.text !== text) unsure = { text, key: randomKey() };
  return unsure.key;
}

export function settle() {
  unsure = null;
}

/** Ready for the next purchase of the same user; an emptied price keeps a second Enter from buying twice. */
export function next() {
  input("price").value = "";
  input("timestamp").value = "";
}

function setError(name, detail) {
  const line = document.getElementById(`${name}-error`);
  line.textContent = detail ? sentence(detail) : "";
  line.hidden = !detail;
  if (detail) input(name).setAttribute("aria-invalid", "true");
  else input(name).removeAttribute("aria-invalid");
}

const input = (name) => form.elements.namedItem(name);
const label = (name) => (name === "userid" ? "user ID" : name);

function randomKey() {
  // Not crypto.randomUUID: it is missing on plain http anywhere but localhost.
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
