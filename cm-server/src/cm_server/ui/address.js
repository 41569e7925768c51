// What is chosen on a page stands in its address, so that reload, back and a copied link show the same.

/** What the address says of `name`, "" where it says nothing. */
export const chosen = (name) => new URLSearchParams(location.search).get(name) ?? "";

/** Puts the choices into the address, those that are empty or as by default out of it, without a new entry in the history. */
export function choose(choices) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(choices)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = query.toString();
  history.replaceState(history.state, "", `${location.pathname}${text && `?${text}`}${location.hash}`);
}
