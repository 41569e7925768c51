// Whether this caller may open and change dead letters, so that no button is shown that can't work. Asked once, by a dry
// run that takes none; an outage leaves it open for the next time.

import * as api from "./api.js";
import { onSignIn } from "./session.js";

const NEVER = "9999-12-31T00:00:00Z";
let known = null;

export async function mayWrite() {
  try {
    return (known ??= Boolean(await api.manyLetters("redrive", { from: NEVER })));
  } catch (problem) {
    if (!(problem instanceof api.Problem)) throw problem;
    if (problem.status === 403) known = false;
    return known ?? true;
  }
}

onSignIn(() => { known = null; });
