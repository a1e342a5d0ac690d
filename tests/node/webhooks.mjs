// SPDX-License-Identifier: Apache-2.0
// GitHub's webhooks as octokit has them.
//   node webhooks.mjs examples        prints [{"set","event","body"}, ...]; body is the payload as text
//   node webhooks.mjs sign <bodies    reads ["body", ...], prints their signatures; the secret is $WEBHOOK_SECRET
import { readFileSync, readdirSync } from "node:fs";
import { sign } from "@octokit/webhooks-methods";

const packageOfExamples = new URL("node_modules/@octokit/webhooks-examples/", import.meta.url);

function examples() {
  const found = [];
  const sets = readdirSync(packageOfExamples, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const { name: set } of sets) {
    const events = JSON.parse(readFileSync(new URL(`${set}/index.json`, packageOfExamples), "utf8"));
    for (const { name: event, examples: payloads } of events) {
      for (const payload of payloads) found.push({ set, event, body: JSON.stringify(payload) });
    }
  }
  return found;
}

const read = () => JSON.parse(readFileSync(0, "utf8"));
const mode = process.argv[2];
if (mode === "examples") {
  process.stdout.write(JSON.stringify(examples()));
} else if (mode === "sign") {
  const signatures = await Promise.all(read().map((body) => sign(process.env.WEBHOOK_SECRET, body)));
  process.stdout.write(JSON.stringify(signatures));
} else {
  process.stderr.write("usage: node webhooks.mjs examples|sign\n");
  process.exitCode = 2;
}
