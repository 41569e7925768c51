// How values look. Prices stay strings: the number format reads them exactly, whatever their length.

const money = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export const price = (value) => money.format(value);

/** A <time> of two parts, so that a narrow column breaks between day and clock. */
export function time(iso) {
  const date = new Date(iso);
  const node = element("time", { dateTime: iso, title: iso });
  if (Number.isNaN(date.getTime())) node.textContent = iso;
  else node.append(element("span", {}, day.format(date)), " ", element("span", { className: "clock" }, clock.format(date)));
  return node;
}

export function element(name, properties = {}, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}

/** Text in the live region is read out by screen readers; the same text twice is read twice. */
export function announce(text) {
  const region = document.getElementById("announce");
  region.textContent = "";
  setTimeout(() => { region.textContent = text; }, 50);
}

/** A server's detail as a sentence of its own. */
export function sentence(text) {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}

const count = new Intl.NumberFormat("en");
const hour = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

export const countOf = (number) => count.format(number);
const yearly = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
const zoned = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "long" });

/** The zone of all times shown, as "Europe/Berlin (GMT+1)". */
export function zone() {
  const { timeZone } = zoned.resolvedOptions();
  const offset = new Intl.DateTimeFormat("en-GB", { timeZoneName: "shortOffset" }).formatToParts()
    .find(({ type }) => type === "timeZoneName").value;
  return timeZone === offset ? timeZone : `${timeZone} (${offset})`;
}

/** With the year where it is not this one. */
export function hourOf(iso) {
  const date = new Date(iso);
  return (date.getFullYear() === new Date().getFullYear() ? hour : yearly).format(date);
}

/** A <time> in local words, to the minute; the zone is in its title. */
export const moment = (iso) => element("time", { dateTime: iso, title: zoned.format(new Date(iso)) }, hourOf(iso));

/** What is left of a time in milliseconds: years or days and hours while it is long, to the second in the last day. */
export function countdown(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const [days, hours] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24];
  if (days >= 2 * 365) return `${Math.floor(days / 365)} years`;
  if (days) return `${days} d ${hours} h`;
  const two = (number) => String(number).padStart(2, "0");
  return `${two(hours)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}
