// Keeps the page up to date: what is live at each boundary and every few seconds, the hours every few seconds.

import * as alert from "./alert.js";
import * as api from "./api.js";
import * as chart from "./campaigns-chart.js";
import * as live from "./campaigns-live.js";
import * as plan from "./campaigns-plan.js";
import { onBack } from "./connection.js";
import { zone } from "./format.js";
import { during } from "./loading.js";

const EVERY_MS = 5_000;
const UPCOMING = 3;
const $ = (id) => document.getElementById(id);
const region = $("alert");
const troubled = new Set(); // whose last round failed

/** Asks again and again: after `EVERY_MS`, sooner when `load` says so, not while nobody looks. What it gives asks at once. */
function keep(load) {
  let timer = null;
  let running = false;
  let shown = false; // whether there was ever an answer
  async function round() {
    clearTimeout(timer);
    if (document.hidden || running) return;
    running = true;
    let wait = EVERY_MS;
    try {
      wait = Math.min(wait, (await load()) ?? wait);
      shown = true;
      troubled.delete(load);
      if (!troubled.size) alert.clear(region);
    } catch (problem) {
      if (!(problem instanceof api.Problem)) throw problem;
      troubled.add(load);
      const meaning = shown ? "What is shown may be old." : "Nothing can be shown yet.";
      if (region.hidden) alert.show(region, problem, `${meaning} The page goes on trying.`, round);
    } finally {
      running = false;
      timer = setTimeout(round, wait);
    }
  }
  document.addEventListener("visibilitychange", round);
  onBack(round);
  round();
  return round;
}

const look = keep(async () => {
  const [campaigns, events, upcoming] = await during($("live"), Promise.all([
    api.live("campaign-events"), api.live("events"), api.upcomingCampaigns(UPCOMING),
  ]));
  live.show(campaigns.campaigns, events.events, upcoming.campaigns);
  const changes = [campaigns.changes, events.changes].filter(Boolean).map((moment) => Date.parse(moment));
  // Not before it has happened by the server's clock, and never in a tight circle.
  return changes.length ? Math.max(Math.min(...changes) - api.serverNow() + 50, 250) : null;
});

keep(async () => chart.show((await during($("charts"), api.lastHours())).series));

$("zone").textContent = `Times are those of ${zone()}.`;

plan.onStored(look);
setInterval(live.tick, 1000);
