// SPDX-License-Identifier: Apache-2.0
// Holds calls and webhooks to GitHub's own OpenAPI description.
//   node openapi.mjs <input   reads {"calls": [...], "webhooks": [...]}, prints {"operations": [...], "problems": [...], "of": [[...], ...]}
// call: {"method", "target", "headers", "body", "status", "answer_headers", "answer"}; header names in lower case
// webhook: {"event", "payload"}; "of" has the problems of each call, then of each webhook
import { readFileSync } from "node:fs";
import Ajv from "ajv";
import addFormats from "ajv-formats";

// Any call may be answered so, and the description names it for some only.
const EVERYWHERE = new Set([401, 403, 404, 429, 500, 502, 503]);
const GENERATED = new URL("node_modules/@octokit/openapi/generated/", import.meta.url);

// OpenAPI 3.0 says "nullable" where JSON Schema says "or null".
function toJsonSchema(node, file) {
  if (node === null || typeof node !== "object") return node;
  for (const key of Object.keys(node)) node[key] = toJsonSchema(node[key], file);
  if (typeof node.$ref === "string" && node.$ref.startsWith("#/")) node.$ref = file + node.$ref;
  if (node.nullable !== true) return node;
  const { nullable, ...schema } = node;
  if (typeof schema.type !== "string" || schema.allOf) return { anyOf: [schema, { type: "null" }] };
  schema.type = [schema.type, "null"];
  if (schema.enum && !schema.enum.includes(null)) schema.enum = [...schema.enum, null];
  return schema;
}

class Description {
  constructor(name) {
    this.file = `${name}.json`;
    this.text = toJsonSchema(JSON.parse(readFileSync(new URL(this.file, GENERATED), "utf8")), this.file);
    const options = { strict: false, allErrors: true, validateSchema: false, logger: false };
    this.plain = addFormats(new Ajv(options).addSchema(this.text, this.file));
    this.coercing = addFormats(new Ajv({ ...options, coerceTypes: true }).addSchema(this.text, this.file));
    this.paths = Object.keys(this.text.paths).map((path) => ({
      path,
      names: [...path.matchAll(/\{(.*?)\}/g)].map((match) => match[1]),
      pattern: new RegExp(`^${path.replace(/[.+*?^$()|[\]\\]/g, "\\$&").replace(/\{.*?\}/g, "([^/]+)")}$`),
    }));
    // Literal words before parameters.
    this.paths.sort((a, b) => a.names.length - b.names.length || b.path.length - a.path.length);
    this.compiled = new Map();
  }

  resolve(node) {
    while (node && node.$ref) {
      node = node.$ref.split("#/")[1].split("/").reduce(
        (at, key) => at[key.replaceAll("~1", "/").replaceAll("~0", "~")], this.text);
    }
    return node;
  }

  faults(schema, value, coerce = false) {
    const key = JSON.stringify(schema) + coerce;
    if (!this.compiled.has(key)) this.compiled.set(key, (coerce ? this.coercing : this.plain).compile(schema));
    const validate = this.compiled.get(key);
    const holder = { value };
    if (coerce ? validate(holder) : validate(value)) return [];
    return validate.errors.map((error) => `${error.instancePath || "/"} ${error.message} ${JSON.stringify(error.params)}`);
  }

  find(method, path) {
    for (const each of this.paths) {
      const match = each.pattern.exec(path);
      if (!match) continue;
      const item = this.text.paths[each.path];
      const operation = item[method.toLowerCase()];
      if (!operation) return { path: each.path, wrongMethod: true };
      const values = Object.fromEntries(each.names.map((name, i) => [name, decodeURIComponent(match[i + 1])]));
      return { path: each.path, item, operation, values };
    }
    return undefined;
  }
}

const github = new Description("api.github.com");
let enterprise; // loaded when it is asked for: ten megabytes
const descriptionOf = (path) =>
  path.startsWith("/enterprises/") ? (enterprise ??= new Description("ghec")) : github;

function parameters(description, found, url, say) {
  const described = [...(found.item.parameters ?? []), ...(found.operation.parameters ?? [])]
    .map((each) => description.resolve(each));
  const check = (parameter, value) => {
    const schema = { type: "object", properties: { value: parameter.schema } };
    for (const fault of description.faults(schema, value, true)) say(`${parameter.in} parameter ${parameter.name}: ${fault}`);
  };
  for (const parameter of described.filter((each) => each.in === "path")) {
    check(parameter, found.values[parameter.name]);
  }
  const query = new Map(url.searchParams);
  if (query.size !== [...url.searchParams].length) say("a query parameter comes twice");
  for (const parameter of described.filter((each) => each.in === "query")) {
    if (query.has(parameter.name)) check(parameter, query.get(parameter.name));
    else if (parameter.required) say(`query parameter ${parameter.name} is missing`);
    query.delete(parameter.name);
  }
  for (const name of query.keys()) say(`query parameter ${name} is not described`);
}

function json(text, what, say) {
  try {
    return [JSON.parse(text)];
  } catch (error) {
    say(`${what} is no JSON: ${error.message}`);
    return [];
  }
}

// Every property that a schema knows of, through its references and alternatives.
function properties(description, schema, known = new Set()) {
  const resolved = description.resolve(schema) ?? {};
  for (const name of Object.keys(resolved.properties ?? {})) known.add(name);
  for (const part of [...(resolved.allOf ?? []), ...(resolved.anyOf ?? []), ...(resolved.oneOf ?? [])]) {
    properties(description, part, known);
  }
  return known;
}

function request(description, found, call, say) {
  const { headers } = call;
  if (!headers["user-agent"]) say("GitHub refuses calls without User-Agent");
  if (!headers.authorization) say("there is no Authorization");
  if (headers.accept !== "application/vnd.github+json") say(`Accept is ${headers.accept}`);
  if (!/^\d{4}-\d\d-\d\d$/.test(headers["x-github-api-version"] ?? "")) say("X-GitHub-Api-Version is missing or no date");
  const described = description.resolve(found.operation.requestBody);
  if (!call.body) {
    if (described?.required) say("the body is missing");
    return;
  }
  if (!described) return say("this call has no body");
  const schema = described.content["application/json"]?.schema;
  if (!/^application\/json(;|$)/.test(headers["content-type"] ?? "")) say(`Content-Type is ${headers["content-type"]}`);
  for (const body of json(call.body, "the body", say)) {
    for (const fault of description.faults(schema, body)) say(`body: ${fault}`);
    const known = properties(description, schema);
    for (const name of Object.keys(body ?? {})) if (!known.has(name)) say(`body: ${name} is not described`);
  }
}

function answer(description, found, call, say) {
  const response = description.resolve(found.operation.responses[call.status]);
  if (!response && !EVERYWHERE.has(call.status)) return say(`answer: status ${call.status} is not described`);
  const schema = response
    ? response.content?.["application/json"]?.schema
    : { $ref: `${description.file}#/components/schemas/basic-error` };
  if (!schema) return call.answer ? say("answer: this status has no body") : undefined;
  if (!/^application\/json(;|$)/.test(call.answer_headers["content-type"] ?? "")) {
    say(`answer: Content-Type is ${call.answer_headers["content-type"]}`);
  }
  for (const body of json(call.answer, "the answer", say)) {
    for (const fault of description.faults(schema, body)) say(`answer ${call.status}: ${fault}`);
  }
  for (const name of ["x-github-request-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]) {
    if (call.status < 300 && !(name in call.answer_headers)) say(`answer: there is no ${name}`);
  }
}

function judge(call, say) {
  const url = new URL(call.target, "http://github.invalid");
  const description = descriptionOf(url.pathname);
  const found = description.find(call.method, url.pathname);
  if (!found) return say("GitHub describes no such path");
  if (found.wrongMethod) return say(`GitHub describes no ${call.method} of ${found.path}`);
  operations.add(`${call.method} ${found.path}`);
  parameters(description, found, url, say);
  request(description, found, call, say);
  answer(description, found, call, say);
}

// The description names them by event and action, with dashes: "workflow-job-queued".
function judgeWebhook({ event, payload }, say) {
  const name = [event, payload.action].filter(Boolean).join("-").replaceAll("_", "-");
  const hook = github.text["x-webhooks"][name];
  if (!hook) return say(`GitHub describes no webhook ${name}`);
  operations.add(`webhook ${name}`);
  const { schema } = github.resolve(hook.post.requestBody).content["application/json"];
  for (const fault of github.faults(schema, payload)) say(fault);
}

const operations = new Set();
const of = [];
const { calls = [], webhooks = [] } = JSON.parse(readFileSync(0, "utf8"));
function each(name, judgeOne) {
  const own = [];
  judgeOne((text) => own.push(`${name}: ${text}`));
  of.push(own);
}
for (const call of calls) each(`${call.method} ${call.target}`, (say) => judge(call, say));
for (const hook of webhooks) each(`webhook ${hook.event} ${hook.payload.action ?? ""}`, (say) => judgeWebhook(hook, say));
process.stdout.write(JSON.stringify({ operations: [...operations].sort(), problems: [...new Set(of.flat())], of }));
