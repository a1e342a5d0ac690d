// SPDX-License-Identifier: Apache-2.0
// The autoscaler's work for a queued job, as one writes it with the AWS SDK for JavaScript v3. Clients and the
// secret are made once, at the start, and kept.
import { BatchGetItemCommand, DynamoDBClient, TransactWriteItemsCommand } from "@aws-sdk/client-dynamodb";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";

const { TABLE, QUEUE_URL, WEBHOOK_SECRET, WEBHOOK_SECRET_NAME } = process.env;
const POOL = "bench";
const LABELS = new Set(["self-hosted", "bench"]);

const dynamodb = new DynamoDBClient({});
const sqs = new SQSClient({});
const secret = WEBHOOK_SECRET ?? (await new SecretsManagerClient({}).send(
  new GetSecretValueCommand({ SecretId: WEBHOOK_SECRET_NAME }))).SecretString;

const answer = (statusCode, result, message) => ({
  statusCode, headers: { "content-type": "application/json" }, isBase64Encoded: false,
  body: JSON.stringify({ result, message }),
});

function verified(body, given) {
  const wanted = Buffer.from("sha256=" + createHmac("sha256", secret).update(body).digest("hex"));
  const told = Buffer.from(given ?? "");
  return wanted.length === told.length && timingSafeEqual(wanted, told);
}

function row(payload, now) {
  const job = payload.workflow_job;
  return {
    v: { N: "1" }, id: { N: String(job.id) }, status: { S: "queued" }, scope: { S: "bench" },
    repository: { S: payload.repository.full_name }, run_id: { N: String(job.run_id) },
    run_attempt: { N: String(job.run_attempt) }, name: { S: job.name }, workflow: { S: job.workflow_name ?? "" },
    labels: { L: job.labels.map((label) => ({ S: label })) }, pool: { S: POOL },
    created_at: { N: String(Date.parse(job.created_at)) }, queued_at: { N: String(now) },
  };
}

async function record(payload) {
  const job = String(payload.workflow_job.id);
  const now = Date.now();
  const key = { pk: { S: `job:${job}` }, sk: { S: "row" } };
  const found = await dynamodb.send(new BatchGetItemCommand({
    RequestItems: { [TABLE]: { Keys: [key], ConsistentRead: true } } }));
  if (found.Responses[TABLE]?.length) return false;
  const values = row(payload, now);
  const padded = job.padStart(19, "0");
  const place = `line#${String(now * 1000).padStart(19, "0")}#${randomUUID().slice(0, 4)}`;
  await dynamodb.send(new TransactWriteItemsCommand({ TransactItems: [
    { Put: { TableName: TABLE, ConditionExpression: "attribute_not_exists(pk)",
             Item: { ...key, ...values, list: { S: "job/open" }, list_at: { S: padded },
                     changed_at: { N: String(now) } } } },
    { Put: { TableName: TABLE, Item: { pk: { S: `pool:${POOL}` }, sk: { S: `open#job#${padded}` }, ...values } } },
    { Put: { TableName: TABLE, Item: { pk: { S: `job:${job}` }, sk: { S: place }, at: { N: String(now) },
                                       text: { S: "queued" },
                                       ttl: { N: String(Math.floor(now / 1000) + 2419200) } } } }] }));
  return true;
}

export async function handler(event) {
  const { body, headers } = event;
  if (!verified(body, headers["x-hub-signature-256"])) return answer(401, "unauthorized", "the signature is wrong");
  const payload = JSON.parse(body);
  if (headers["x-github-event"] === "ping") return answer(200, "ping", "pong");
  if (payload.action !== "queued" || !payload.workflow_job.labels.every((label) => LABELS.has(label))) {
    return answer(200, "ignored", "nothing to do for this event");
  }
  if (await record(payload)) {
    await sqs.send(new SendMessageCommand({ QueueUrl: QUEUE_URL, DelaySeconds: 0,
                                            MessageBody: JSON.stringify({ kind: "create_runner", key: POOL }) }));
  }
  return answer(202, "accepted", "stored");
}
