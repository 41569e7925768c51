// What each user has spent, made by a Node.js service from the log alone: Spending.java by kafkajs.
// node spending.mjs localhost:9092
// It reads shop.purchases from its start to where it ends now, and prints a line a user: userid, purchases, total.

import { randomUUID } from "node:crypto";
import process from "node:process";
import { Kafka, logLevel } from "kafkajs";

const TOPIC = "shop.purchases";
const kafka = new Kafka({ brokers: process.argv.slice(2), logLevel: logLevel.ERROR });
const purchases = new Map(); // by the event's id: {userid, partition, price}
const seen = new Set();

/** One event. Within a partition they come in order, and one user's are all in one partition. */
function apply(partition, { headers, value }) {
  const type = headers.ce_type?.toString();
  if (!type || !value) return; // somebody else's, or no event at all
  const data = JSON.parse(value.toString());
  if (type === "shop.purchase.made.v1") made(partition, headers, data);
  if (type === "shop.user.erased.v1") erased(partition, headers, data);
}

/** The log has an event at least once: the same id again changes nothing. */
function made(partition, headers, { userid, price }) {
  const id = headers.ce_id.toString();
  if (seen.has(id)) return;
  seen.add(id);
  purchases.set(id, { userid, partition, price: decimal(price) });
}

/** An erasure stands in every partition. Each copy takes what its own partition told before it; ids stay known. */
function erased(partition, headers, { userid }) {
  const copy = `${headers.ce_id}/${partition}`;
  if (seen.has(copy)) return;
  seen.add(copy);
  for (const [id, each] of purchases) {
    if (each.userid === userid && (!headers.ce_copies || each.partition === partition)) purchases.delete(id);
  }
}

/** A price comes as text, so that no digit is lost: a whole number of units of so many digits after the point. */
function decimal(text) {
  const [whole, part = ""] = text.split(".");
  return { units: BigInt(whole + part), digits: part.length };
}

function add(one, other) {
  const digits = Math.max(one.digits, other.digits);
  const units = [one, other].map((each) => each.units * 10n ** BigInt(digits - each.digits));
  return { units: units[0] + units[1], digits };
}

function shown({ units, digits }) {
  const text = String(units).padStart(digits + 1, "0");
  return digits ? `${text.slice(0, -digits)}.${text.slice(-digits)}` : text;
}

function print() {
  const byUser = new Map();
  for (const { userid, price } of purchases.values()) {
    const { count, total } = byUser.get(userid) ?? { count: 0, total: decimal("0") };
    byUser.set(userid, { count: count + 1, total: add(total, price) });
  }
  for (const userid of [...byUser.keys()].sort()) {
    const { count, total } = byUser.get(userid);
    console.log(`${userid}\t${count}\t${shown(total)}`);
  }
}

const admin = kafka.admin();
await admin.connect();
// kafkajs reads in a group only: one of its own, which it takes away again.
const groupId = `spending-${randomUUID()}`;
const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 500 });
await consumer.connect();
await consumer.subscribe({ topic: TOPIC, fromBeginning: true });
const ahead = new Map(); // how far each partition that has records is to be read
for (const { partition, low, high } of await admin.fetchTopicOffsets(TOPIC)) {
  if (BigInt(low) < BigInt(high)) ahead.set(partition, BigInt(high));
}
await new Promise((done) => {
  if (!ahead.size) return done();
  return consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      for (const message of batch.messages) {
        try {
          apply(batch.partition, message);
        } catch { // the shop refused it as well: one bad record stops nobody
          console.error(`left out ${TOPIC}-${batch.partition}-${message.offset}`);
        }
      }
      if (BigInt(batch.lastOffset()) + 1n >= (ahead.get(batch.partition) ?? 0n)) ahead.delete(batch.partition);
      if (!ahead.size) done();
    },
  });
});
await consumer.disconnect();
await admin.deleteGroups([groupId]);
await admin.disconnect();
print();
