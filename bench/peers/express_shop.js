// The peer that a Node developer would write instead: Express and kafkajs in two processes, one idempotent producer
// each, acks of all in-sync replicas, keyed by user.
const cluster = require("node:cluster");
const { randomUUID } = require("node:crypto");

const WORKERS = 2;
const PRICE = /^\d{1,10}(\.\d{1,2})?$/;

const isName = (value) => typeof value === "string" && value.length > 0 && value.length <= 128;

function shop(producer) {
  const express = require("express");
  const app = express();
  app.use(express.json());
  app.post("/buy", async (request, response) => {
    const { username, userid, price, timestamp = new Date().toISOString() } = request.body ?? {};
    if (!isName(username) || !isName(userid) || !PRICE.test(price)) {
      response.status(422).json({ detail: "username, userid and price are required" });
      return;
    }
    const value = JSON.stringify({ username, userid, price, timestamp });
    const messages = [{ key: userid, value, headers: { ce_id: randomUUID() } }];
    const [stored] = await producer.send({ topic: process.env.TOPIC, acks: -1, messages });
    response.json({ status: "Ok!", receipt: `${stored.topicName}-${stored.partition}-${stored.baseOffset}` });
  });
  return app;
}

async function serve() {
  const { Kafka, logLevel } = require("kafkajs");
  const kafka = new Kafka({ brokers: [process.env.KAFKA_BOOTSTRAP_SERVERS], logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 5, allowAutoTopicCreation: false });
  await producer.connect();
  shop(producer).listen(Number(process.env.HTTP_PORT), "127.0.0.1");
}

if (cluster.isPrimary) {
  for (let number = 0; number < WORKERS; number += 1) cluster.fork();
} else {
  serve();
}
