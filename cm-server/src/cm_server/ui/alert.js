// General errors: what happened, what that means for the entries, and one button that does the next sensible thing.

import { Problem } from "./api.js";
import { announce, element } from "./format.js";

export function clear(region) {
  region.hidden = true;
  region.replaceChildren();
}

export function show(region, problem, meaning, again = null) {
  region.replaceChildren(
    element("p", { className: "alert-title" }, problem.message),
    element("p", {}, [meaning, advice(problem)].filter(Boolean).join(" ")),
  );
  if (problem.requestId) region.append(element("p", { className: "alert-id" }, `Request ${problem.requestId}`));
  if (again && problem.passing) {
    region.append(element("button", { type: "button", className: "quiet", onclick: again }, "Try again"));
  }
  region.hidden = false;
  region.scrollIntoView({ block: "nearest" });
}

/** What became of a form that was sent: faults of fields stand at the fields, everything else in `region`.
 * `form` has showErrors and settle; `refused` and `safe` say what it means when it failed for good, or may be repeated. */
export function explain(problem, region, form, refused, safe, again) {
  if (!(problem instanceof Problem)) throw problem;
  if (!problem.passing) form.settle();
  if (form.showErrors(problem.fields)) return announce(`${refused} One field needs attention.`);
  show(region, problem, problem.passing ? safe : refused, again);
}

function advice(problem) {
  if (problem.status === 0) return "Check the connection, then try again.";
  if (problem.retryAfter) return `Try again in ${problem.retryAfter} s.`;
  return problem.passing ? "Try again in a moment." : "";
}
