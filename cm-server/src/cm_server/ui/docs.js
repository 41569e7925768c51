// The API reference's script: a search, addresses that open what they lead to, and *Send* at each operation. All else is
// in the page as it comes.

import { element } from "./format.js";
import { addSender } from "./docs-send.js";

const parts = [...document.querySelectorAll("main details")];
const groups = [...document.querySelectorAll("main h2")];

/** Shows what has every word that is typed, in its name or its text. */
function search(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  for (const part of parts) part.hidden = !words.every((word) => part.textContent.toLowerCase().includes(word));
  for (const link of document.querySelectorAll(".contents li a")) {
    link.parentElement.hidden = document.getElementById(link.hash.slice(1))?.hidden ?? false;
  }
  for (const list of document.querySelectorAll(".contents ul")) {
    list.parentElement.hidden = words.length > 0 && !list.querySelector("li:not([hidden])");
  }
  for (const group of groups) group.hidden = words.length > 0 && !below(group).some((part) => !part.hidden);
  const shown = parts.filter((part) => !part.hidden).length;
  document.getElementById("found").textContent = words.length ? `${shown} of ${parts.length}` : "";
}

/** What stands between a heading and the next. */
function below(group) {
  const found = [];
  for (let node = group.nextElementSibling; node && node.tagName !== "H2"; node = node.nextElementSibling) {
    if (node.tagName === "DETAILS") found.push(node);
  }
  return found;
}

function addSearch() {
  const input = element("input", { type: "search", id: "find", autocomplete: "off" });
  input.setAttribute("aria-describedby", "found");
  input.addEventListener("input", () => search(input.value));
  const count = element("p", { className: "hint", id: "found" });
  count.setAttribute("role", "status");
  document.querySelector(".contents").prepend(
    element("div", { className: "field docs-search" }, element("label", { htmlFor: "find" }, "Search"), input, count));
}

/** The browser has scrolled already, to something folded. */
function open() {
  const part = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (part?.tagName !== "DETAILS") return;
  part.hidden = false;
  part.open = true;
  part.scrollIntoView();
}

/** In the lines of curl the base address is the one of this page. */
function nameHost() {
  const code = document.querySelector("#reference > pre code");
  if (code) code.textContent = code.textContent.replace(/^B=https?:\/\/[^/]+/, `B=${location.origin}`);
}

addSearch();
nameHost();
for (const part of parts.filter((each) => each.querySelector("summary b"))) {
  part.addEventListener("toggle", () => addSender(part), { once: true });
}
addEventListener("hashchange", open);
open();
