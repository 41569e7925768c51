// Bytes as the API tells them: JSON, text or hexadecimal digits.

import { countOf, element } from "./format.js";

const KINDS = { json: "JSON", text: "text", hex: "hexadecimal digits" };

/** {kind, text}: what a person reads and edits; null where there is nothing. */
export function readable(content) {
  if (content === null) return null;
  const kind = Object.keys(KINDS).find((name) => name in content);
  return { kind, text: kind === "json" ? JSON.stringify(content.json, null, 2) : content[kind] };
}

/** "JSON, 97 bytes". */
export function about(content) {
  if (content === null) return "none";
  return `${KINDS[readable(content).kind]}, ${content.size === 1 ? "1 byte" : `${countOf(content.size)} bytes`}`;
}

/** Text as it is where it is text, and what it is where it isn't. */
export function shown(content) {
  if (content === null) return [element("span", { className: "of" }, "none")];
  const { kind, text } = readable(content);
  const said = kind === "text" ? [] : [" ", element("span", { className: "of" }, about(content))];
  return [element("code", {}, text), ...said];
}
