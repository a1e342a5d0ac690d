# SPDX-License-Identifier: Apache-2.0
"""The autoscaler's work for a queued job, as one writes it with boto3; for AWS's own runtime client, awslambdaric.

Clients and the secret are made once, at the start, and kept."""
import calendar
import hashlib
import hmac
import json
import os
import time
import uuid

import boto3

TABLE = os.environ["TABLE"]
QUEUE = os.environ["QUEUE_URL"]
POOL, LABELS = "bench", {"self-hosted", "bench"}

dynamodb = boto3.client("dynamodb")
sqs = boto3.client("sqs")


def webhook_secret():
    if "WEBHOOK_SECRET" in os.environ:
        return os.environ["WEBHOOK_SECRET"].encode()
    secrets = boto3.client("secretsmanager")
    return secrets.get_secret_value(SecretId=os.environ["WEBHOOK_SECRET_NAME"])["SecretString"].encode()


SECRET = webhook_secret()


def answer(status, result, message):
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "isBase64Encoded": False,
            "body": json.dumps({"result": result, "message": message})}


def milliseconds(text):
    return str(int(calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))) * 1000)


def row(payload, now):
    job = payload["workflow_job"]
    return {"v": {"N": "1"}, "id": {"N": str(job["id"])}, "status": {"S": "queued"}, "scope": {"S": "bench"},
            "repository": {"S": payload["repository"]["full_name"]}, "run_id": {"N": str(job["run_id"])},
            "run_attempt": {"N": str(job["run_attempt"])}, "name": {"S": job["name"]},
            "workflow": {"S": job.get("workflow_name") or ""}, "labels": {"L": [{"S": l} for l in job["labels"]]},
            "pool": {"S": POOL}, "created_at": {"N": milliseconds(job["created_at"])}, "queued_at": {"N": str(now)}}


def record(payload):
    job, now = str(payload["workflow_job"]["id"]), int(time.time() * 1000)
    key = {"pk": {"S": f"job:{job}"}, "sk": {"S": "row"}}
    found = dynamodb.batch_get_item(RequestItems={TABLE: {"Keys": [key], "ConsistentRead": True}})
    if found["Responses"].get(TABLE):
        return False
    values = row(payload, now)
    place = f"line#{now * 1000:019d}#{uuid.uuid4().hex[:4]}"
    dynamodb.transact_write_items(TransactItems=[
        {"Put": {"TableName": TABLE, "ConditionExpression": "attribute_not_exists(pk)",
                 "Item": {**key, **values, "list": {"S": "job/open"}, "list_at": {"S": job.zfill(19)},
                          "changed_at": {"N": str(now)}}}},
        {"Put": {"TableName": TABLE, "Item": {"pk": {"S": f"pool:{POOL}"}, "sk": {"S": f"open#job#{job.zfill(19)}"},
                                              **values}}},
        {"Put": {"TableName": TABLE, "Item": {"pk": {"S": f"job:{job}"}, "sk": {"S": place}, "at": {"N": str(now)},
                                              "text": {"S": "queued"}, "ttl": {"N": str(now // 1000 + 2419200)}}}}])
    return True


def handler(event, _):
    body, headers = event["body"].encode(), event["headers"]
    wanted = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(headers.get("x-hub-signature-256", ""), wanted):
        return answer(401, "unauthorized", "the signature is wrong")
    payload = json.loads(body)
    if headers["x-github-event"] == "ping":
        return answer(200, "ping", "pong")
    if payload["action"] != "queued" or not set(payload["workflow_job"]["labels"]) <= LABELS:
        return answer(200, "ignored", "nothing to do for this event")
    if record(payload):
        sqs.send_message(QueueUrl=QUEUE, DelaySeconds=0,
                         MessageBody=json.dumps({"kind": "create_runner", "key": POOL}))
    return answer(202, "accepted", "stored")
