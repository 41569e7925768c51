// Buys, waits until that is stored, and reads the list, by types that were generated from /openapi.json.
// openapi-typescript ADDRESS/openapi.json -o shop.d.ts --default-non-nullable=false
// node buyer.ts http://localhost:8080/scalable-shop-cm-server ada

import process from "node:process";
import createClient from "openapi-fetch";
import type { paths } from "./shop.d.ts";

const [baseUrl, user] = process.argv.slice(2) as [string, string];
// Answers in JSON: a receipt could also come as a stream of events, which is text.
const shop = createClient<paths, "application/json" | "application/problem+json">({ baseUrl });

const bought = await shop.POST("/v1/purchases", { body: { username: user, userid: user, price: "12.50" } });
if (!bought.data) throw new Error(`not bought: ${bought.error.detail}`); // a Problem, which names the fields at fault
const { receipt } = bought.data;

const fate = await shop.GET("/v1/receipts/{receipt}", { params: { path: { receipt }, query: { wait: 10 } } });
if (!fate.data) throw new Error(`not known: ${fate.error?.detail}`);
console.log(fate.data.state);

const listed = await shop.GET("/v1/users/{userid}/purchases", {
  params: { path: { userid: user }, query: { after: receipt } },
});
if (!listed.data) throw new Error(`not listed: ${listed.error?.detail}`);
for (const { _id, price } of listed.data.purchases) console.log(`${_id}\t${price}`);
