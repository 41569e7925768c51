// A form's fields by name: their values and the errors shown at them; and buttons that are at work.

import { sentence } from "./format.js";

export function fields(form, names) {
  const controls = (name) => {
    const found = form.elements.namedItem(name);
    return found instanceof RadioNodeList ? [...found] : [found];
  };

  function setError(name, detail) {
    const line = document.getElementById(`${name}-error`);
    line.textContent = detail ? sentence(detail) : "";
    line.hidden = !detail;
    for (const control of controls(name)) {
      if (detail) control.setAttribute("aria-invalid", "true");
      else control.removeAttribute("aria-invalid");
    }
  }

  /** Shows errors at their fields and moves to the first. Returns whether one of them had a field to show it at. */
  function showErrors(errors) {
    for (const name of names) setError(name, errors.find((error) => error.field === name)?.detail ?? null);
    const first = names.find((name) => errors.some((error) => error.field === name));
    if (first) controls(first)[0].focus();
    return Boolean(first);
  }

  /** An error is gone as soon as its field is touched. */
  function watch(onSubmit) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      onSubmit();
    });
    for (const name of names) {
      for (const control of controls(name)) control.addEventListener("input", () => setError(name, null));
    }
  }

  const value = (name) => form.elements.namedItem(name).value.trim();
  return { showErrors, watch, value, control: (name) => controls(name)[0] };
}

/** aria-disabled instead of disabled: a disabled button would lose the focus. */
export function busy(button, is) {
  button.ariaDisabled = String(is);
  button.classList.toggle("busy", is);
}

export const isBusy = (button) => button.ariaDisabled === "true";
