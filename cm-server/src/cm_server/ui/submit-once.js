// The key that makes sending the same thing twice harmless.

/** For one form: the same key for the same content until its fate is known, a new one otherwise. */
export function once() {
  let unsure = null; // {key, text} of what was sent without a clear answer: it may be in Kafka, or not
  return {
    keyFor(content) {
      const text = JSON.stringify(content);
      if (unsure?.text !== text) unsure = { text, key: randomKey() };
      return unsure.key;
    },
    settle() {
      unsure = null;
    },
  };
}

export function randomKey() {
  // Not crypto.randomUUID: it is missing on plain http anywhere but localhost.
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
