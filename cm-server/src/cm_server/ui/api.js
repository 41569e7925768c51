// The only module of the shop's pages that speaks HTTP. The API reference has one of its own, which shows each answer as
// it came (docs-send.js).

import * as connection from "./connection.js";
import * as session from "./session.js";
import { base } from "./base.js";

const TIMEOUT_MS = 15_000;
const EVENTS = "text/event-stream", LISTENING_MS = 90_000; // the server ends a stream after a minute
let ahead = 0; // the server's clock against this one

/** An answer that is not a success: problem+json as sent, or a stand-in when there was no answer at all. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || "The server gave no reason.");
    this.status = status;
    this.requestId = body.requestId ?? null;
    this.retryAfter = body.retryAfter ?? null;
    this.fields = body.errors ?? (body.field ? [{ field: body.field, detail: this.message }] : []);
  }

  /** Whether the same request may succeed later: nothing is known to be wrong with it. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export function buy(purchase, key) {
  return call("v1/purchases", {
    method: "POST",
    body: JSON.stringify(purchase),
    headers: { "Content-Type": "application/json", "Idempotency-Key": key },
  });
}

/** One page of a user's purchases; `choice` may name sort, cursor and after. */
export function purchasesOf(username, choice) {
  return call(`getAllUserBuys/${encodeURIComponent(username)}?${chosen({ limit: 50, ...choice })}`);
}

/** Many purchases at once: what became of each, in `results`. The key makes sending the same again harmless. */
export function buyAll(purchases, key) {
  return call("v1/purchases:batch", {
    method: "POST",
    body: JSON.stringify(purchases),
    headers: { "Content-Type": "application/json", "Idempotency-Key": key },
  });
}

export function receipt(id, wait) {
  return call(`v1/receipts/${encodeURIComponent(id)}?wait=${wait}`);
}

/** The state that the server tells of a receipt once it is settled; null where it tells none, and is to be asked. */
export async function hear(id) {
  const path = `v1/receipts/${encodeURIComponent(id)}`;
  const answer = await send(path, { headers: { Accept: EVENTS }, timeout: LISTENING_MS });
  if (!answer.ok) return null;
  const isStream = answer.headers.get("Content-Type")?.startsWith(EVENTS); // else the server is of an older version
  const told = isStream ? await lastOf(answer.body) : await answer.json();
  return told && told.state !== "accepted" ? told : null;
}

/** The data of the last event of a stream, when it has ended. */
async function lastOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "", piece;
  while (!(piece = await reader.read()).done) text += piece.value;
  const [last] = text.match(/^data: .*$/gm)?.slice(-1) ?? [];
  return last && JSON.parse(last.slice("data: ".length));
}

/** What is live now, of `campaign-events` or `events`, and the next moment at which that changes. */
export function live(things) {
  return call(`${things}/live?limit=200`);
}

/** Accepted at once; what becomes of it, `settled` tells. */
export const planCampaign = (campaign, key) => call("campaign-events/", {
  method: "POST",
  body: JSON.stringify(campaign),
  headers: { "Content-Type": "application/json", "Idempotency-Key": key },
});

export function upcomingCampaigns(limit) {
  return call(`campaign-events/upcoming?limit=${limit}`);
}

/** Every hour of the last 48, the current one as the last. */
export function lastHours() {
  return call("analytics/series?step=hour&format=json");
}

export const opsSnapshot = () => call("v1/ops/snapshot");
/** One event's way; `choice` names it by receipt, id or requestId. */
export const trace = (choice) => call(`v1/ops/trace?${chosen(choice)}`);
export const opsHistory = () => call("v1/ops/history");

const LETTERS = "v1/ops/dead-letters", WRITTEN_MS = 25_000; // what is sent again is watched for some seconds
const letterAt = (receipt) => `${LETTERS}/${encodeURIComponent(receipt)}`;

/** One page of dead letters; `choice` may name domain, state, reason, type, from, to, like, limit and cursor. */
export const letters = (choice) => call(`${LETTERS}?${chosen(choice)}`);
export const letterGroups = (choice) => call(`${LETTERS}:groups?${chosen(choice)}`);
export const letter = (receipt) => call(letterAt(receipt), { reviver: exact });
/** `body` is JSON as text, so that its numbers are sent as they were entered. */
export const redriveLetter = (receipt, body) => write(`${letterAt(receipt)}:redrive`, body);
export const discardLetter = (receipt, note) => write(`${letterAt(receipt)}:discard`, JSON.stringify({ note }));
/** `act` is redrive or discard; a dry run unless `choice` has dryRun false. */
export const manyLetters = (act, choice) => write(`${LETTERS}:${act}`, JSON.stringify(choice));

const write = (path, body) =>
  call(path, { method: "POST", body, headers: { "Content-Type": "application/json" }, timeout: WRITTEN_MS });

/** Numbers stay as they were written: 5.0 does not become 5, and no digit of a long one is lost. */
function exact(name, value, { source } = {}) {
  const changed = typeof value === "number" && source !== undefined && String(value) !== source;
  return changed && JSON.rawJSON ? JSON.rawJSON(source) : value;
}

/** What of cm-server's own needs answers; told by 503 as well. */
export async function readiness() {
  return (await send("readyz", {})).json();
}

const LONGEST_WAIT_S = 5;
const PAUSE_MS = 300;
const within = (product) => `v1/products/${encodeURIComponent(product)}`;

/** One page of products; `choice` may name sort, q, tag, cursor and after. */
export function products(choice) {
  return call(`v1/products?${chosen(choice)}`);
}

export function product(id, after = null) {
  return call(`${within(id)}?${chosen({ after })}`);
}

export function reviews(id, choice) {
  return call(`${within(id)}/reviews?${chosen(choice)}`);
}

export const addProduct = (product, key) => command("POST", "v1/products", key, product);
export const addReview = (id, review, key) => command("POST", `${within(id)}/reviews`, key, review);
export const changeReview = (id, review, said, key) =>
  command("PUT", `${within(id)}/reviews/${encodeURIComponent(review)}`, key, said);
export const deleteReview = (id, review, userid, key) =>
  command("DELETE", `${within(id)}/reviews/${encodeURIComponent(review)}?${chosen({ userid })}`, key);

/** A command that is followed until it is stored; a refusal is a Problem, at whatever moment it becomes known. */
async function command(method, path, key, body = null) {
  const headers = { Prefer: `wait=${LONGEST_WAIT_S}`, "Idempotency-Key": key };
  if (body) headers["Content-Type"] = "application/json";
  const done = await call(path, { method, headers, body: body && JSON.stringify(body) });
  const { state, reason } = done.state === "accepted" ? await settled(done.receipt) : done;
  if (state === "rejected") throw new Problem(422, { detail: reason });
  return done;
}

/** The state of a command once it is settled: the server tells it, or is asked where it does not. */
export async function settled(id) {
  let told = await hear(id).catch(() => null);
  while (!told) {
    const { state, reason } = await receipt(id, LONGEST_WAIT_S);
    if (state !== "accepted") told = { state, reason };
    // Where many wait already, the answer comes at once.
    else await new Promise((done) => setTimeout(done, PAUSE_MS));
  }
  return told;
}

/** As a query string, without what is not chosen. */
function chosen(choice) {
  return new URLSearchParams(Object.entries(choice).filter(([, value]) => value));
}

/** The server's clock in milliseconds. Its answers tell whole seconds only, so a small difference counts as none. */
export function serverNow() {
  return Date.now() + (Math.abs(ahead) > 2000 ? ahead : 0);
}

async function call(path, options = {}) {
  const answer = await send(path, options);
  const told = Date.parse(answer.headers.get("Date"));
  if (!Number.isNaN(told)) ahead = told - Date.now();
  if (answer.status === 204) return { receipt: answer.headers.get("X-Receipt"), state: "stored" };
  const body = await answer.text().then((text) => JSON.parse(text, options.reviver)).catch(() => null);
  if (answer.ok && body !== null) return body;
  if (answer.status === 401) session.ask();
  const retryAfter = Number(answer.headers.get("Retry-After")) || null;
  const unreadable = { detail: `The server answered ${answer.status} in a form this page can't read.` };
  throw new Problem(answer.ok ? 502 : answer.status, { ...(body ?? unreadable), retryAfter });
}

async function send(path, { timeout = TIMEOUT_MS, ...options }) {
  try {
    const answer = await fetch(new URL(path, base), {
      ...options,
      headers: { Accept: "application/json", ...session.headers(), ...options.headers },
      cache: "no-cache",
      signal: AbortSignal.timeout(timeout),
    });
    connection.answered();
    return answer;
  } catch (cause) {
    connection.failed();
    const late = cause.name === "TimeoutError";
    throw new Problem(0, { detail: late ? "The server took too long to answer." : "The server can't be reached." });
  }
}

connection.onGone(() => send("healthz", {}).catch(() => {}));
