// Who is signed in: an API key or a token, kept for this tab only. The first answer 401 asks for it; a service that
// asks nobody (AUTH_MODE=none) never shows any of this.

import { element } from "./format.js";

const NAME = "shop-credentials";
const SIGNED_IN = "signed-in";
const HINT = "An API key (shop_…) or a token of your sign-in service. It is kept in this tab only and sent nowhere else.";

let dialog = null;

/** The headers that say who calls. */
export function headers() {
  const kept = sessionStorage.getItem(NAME);
  return kept ? { Authorization: `Bearer ${kept}` } : {};
}

/** Calls `listener` when somebody has entered credentials. */
export const onSignIn = (listener) => addEventListener(SIGNED_IN, listener);

/** Asks for credentials; whatever was kept did not hold. */
export function ask() {
  sessionStorage.removeItem(NAME);
  showSignedIn();
  dialog ??= makeDialog();
  if (!dialog.open) dialog.showModal();
}

function makeDialog() {
  const input = element("input", {
    id: "credentials", type: "password", name: "credentials", required: true, autocomplete: "off", spellcheck: false,
  });
  input.setAttribute("aria-describedby", "credentials-hint");
  const cancel = element("button", { type: "button" }, "Not now");
  const form = element("form", { method: "dialog" },
    element("h2", { id: "sign-in-title" }, "Sign in"),
    element("div", { className: "field" },
      element("label", { htmlFor: "credentials" }, "Key or token"),
      input,
      element("p", { className: "hint", id: "credentials-hint" }, HINT)),
    element("div", { className: "buttons" },
      element("button", { type: "submit", className: "primary" }, "Sign in"), cancel));
  const made = element("dialog", { id: "sign-in", className: "card" }, form);
  made.setAttribute("aria-labelledby", "sign-in-title");
  cancel.addEventListener("click", () => made.close());
  form.addEventListener("submit", () => {
    sessionStorage.setItem(NAME, input.value.trim());
    input.value = "";
    showSignedIn();
    dispatchEvent(new Event(SIGNED_IN));
  });
  document.body.append(made);
  return made;
}

/** A way out in the header while somebody is signed in. */
function showSignedIn() {
  document.getElementById("sign-out")?.remove();
  if (!sessionStorage.getItem(NAME)) return;
  const button = element("button", { id: "sign-out", type: "button", className: "quiet" }, "Sign out");
  button.addEventListener("click", () => {
    sessionStorage.removeItem(NAME);
    location.reload();
  });
  document.querySelector("header.top").append(button);
}

showSignedIn();
