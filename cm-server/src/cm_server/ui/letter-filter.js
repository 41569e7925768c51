// Which letters are asked for: the form, and the same in the address.

import * as address from "./address.js";
import { element } from "./format.js";

const TYPING_MS = 250;
const $ = (id) => document.getElementById(id);
const [form, clear, alike, name] = ["find", "clear", "alike", "alike-to"].map($);
const { domain, state, type, reason, from, to } = form.elements;
let like = address.chosen("like");
let typing = null;

for (const control of [domain, type]) offer(control, [address.chosen(control.name)]);
for (const control of [domain, state, type, reason]) control.value = address.chosen(control.name);
for (const control of [from, to]) control.value = local(address.chosen(control.name));
if (state.selectedIndex < 0) state.value = "";

/** As the API wants it, "" for what is left out of account. */
export function choice() {
  return {
    domain: domain.value, state: state.value, type: type.value, reason: reason.value.trim(),
    from: instant(from.value), to: instant(to.value), like,
  };
}

/** Puts what is chosen into the address, and says what can be left out again. */
export function keep() {
  const chosen = choice();
  address.choose(chosen);
  clear.hidden = !Object.values(chosen).some(Boolean);
  alike.hidden = !like;
  name.textContent = like;
}

/** The domains and types that letters have. */
export function choices(groups) {
  offer(domain, groups.map((each) => each.domain));
  offer(type, groups.map((each) => each.type));
}

/** Options in the order of their names; what is chosen stays chosen. */
function offer(select, values) {
  const there = [...select.options].map((option) => option.value);
  const missing = [...new Set(values)].filter((value) => value && !there.includes(value)).toSorted();
  select.append(...missing.map((value) => element("option", { value }, value)));
}

/** The address of the list with letters of one group only. */
export const hrefOf = (receipt) =>
  `?${new URLSearchParams(Object.entries({ ...choice(), like: receipt }).filter(([, value]) => value))}`;

export function onChange(listener) {
  const now = () => {
    clearTimeout(typing);
    listener();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    now();
  });
  for (const control of [domain, state, type, from, to]) control.addEventListener("change", now);
  reason.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(now, TYPING_MS);
  });
  clear.addEventListener("click", () => {
    form.reset();
    like = "";
    domain.focus();
    now();
  });
  $("any-alike").addEventListener("click", () => {
    like = "";
    $("groups-title").focus();
    now();
  });
}

/** A moment of the control, in local time, as an instant; the address is for people in other zones as well. */
function instant(text) {
  return text ? new Date(text).toISOString() : "";
}

function local(text) {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return "";
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
