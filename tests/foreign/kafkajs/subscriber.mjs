// A subscriber without sharebus: KafkaJS and a Confluent-compatible registry client.
//
//   NODE_PATH=… node subscriber.mjs SETTINGS.json TOPIC COUNT
//
// SETTINGS.json is what `sharebus credentials SYSTEM --format kafkajs` printed. Prints COUNT events
// as JSON Lines, acknowledges them and ends.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url); // which, unlike import, looks in NODE_PATH
const { Kafka, logLevel } = require("kafkajs");
const { SchemaRegistry } = require("@kafkajs/confluent-schema-registry");

const [settingsFile, topic, count] = process.argv.slice(2);
const settings = JSON.parse(readFileSync(settingsFile, "utf8"));

const kafka = new Kafka({ ...settings.client, logLevel: logLevel.NOTHING });
const registry = new SchemaRegistry(settings.registry);
const consumer = kafka.consumer(settings.consumer);

function fail(error) {
  console.error(`${error.type ?? error.name}: ${error.message}`);
  process.exit(1);
}

let left = Number(count);
let finish;
const finished = new Promise((resolve) => (finish = resolve));

async function print({ partition, message }) {
  if (left === 0) return;
  const row = message.value === null ? null : await registry.decode(message.value);
  const headers = Object.entries(message.headers).map(([name, value]) => [name, String(value)]);
  const event = { partition, key: String(message.key), row, headers: Object.fromEntries(headers) };
  console.log(JSON.stringify(event));
  left -= 1;
  if (left === 0) finish();
}

consumer.on(consumer.events.CRASH, ({ payload }) => fail(payload.error));
try {
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({ eachMessage: print });
} catch (error) {
  fail(error);
}
await finished;
await consumer.disconnect();
