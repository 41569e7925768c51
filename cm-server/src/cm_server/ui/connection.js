// Says at the top of the page that the browser has no connection, for as long as that lasts.

import { element } from "./format.js";

const TEXT = "You are offline. What is shown may be old; what you enter stays here.";
const banner = element("p", { id: "offline", className: "offline", role: "status", hidden: navigator.onLine }, TEXT);

document.querySelector("header.top").after(banner);
addEventListener("offline", () => { banner.hidden = false; });
addEventListener("online", () => { banner.hidden = true; });

/** Calls `listener` each time the connection is back. */
export const onBack = (listener) => addEventListener("online", listener);
