// Says at the top of the page that the browser is offline, for as long as that lasts. What it says of itself is not
// enough: without a network it still reaches a server on the same machine. So a request must have failed as well.

import { element } from "./format.js";

const TEXT = "You are offline. What is shown may be old; what you enter stays here.";
const banner = element("p", { id: "offline", className: "offline", role: "status", hidden: true }, TEXT);

document.querySelector("header.top").after(banner);

/** A request got no answer. */
export function failed() {
  banner.hidden = navigator.onLine;
}

/** A request was answered, whatever the answer. */
export function answered() {
  banner.hidden = true;
}

/** Calls `listener` when the browser loses its network, which may matter or not. */
export const onGone = (listener) => addEventListener("offline", listener);

/** Calls `listener` each time the network is back. */
export const onBack = (listener) => addEventListener("online", listener);

onBack(answered);
