# SPDX-License-Identifier: Apache-2.0
"""Makes in moto what rendered/ says, over boto3: every argument goes through AWS's own model of the call.

Not the AWS provider's work, but its outcome: it shows that what the module says is a thing that AWS knows, and lets events run
through the rules and queues that were rendered. Ids that moto gives take the place of those of the stand-in.
"""
import functools
import io
import zipfile

import boto3
import botocore
from state import deployed

REGION = "eu-central-1"


def shaped(shape, value):
    """Arguments as Terraform writes them, as a structure of botocore: names by case, a block of one as a structure."""
    if shape.type_name == "structure":
        inner = value[0] if isinstance(value, list) else value
        members = {botocore.xform_name(name): name for name in shape.members}
        unknown = set(inner) - set(members)
        if unknown:
            raise LookupError(f"{shape.name} has no {unknown}")
        return {members[key]: shaped(shape.members[members[key]], inner[key]) for key in inner}
    if shape.type_name == "list":
        return [shaped(shape.member, one) for one in value]
    if shape.type_name == "map":
        return {key: shaped(shape.value, one) for key, one in value.items()}
    kinds = {"integer": int, "long": int, "boolean": lambda v: v in (True, "true"), "string": str, "double": float, "float": float}
    return kinds[shape.type_name](value)


def tags(of):
    return [{"Key": key, "Value": value} for key, value in of.items()]


@functools.cache  # making one takes longer than a call
def mocked(service):
    return boto3.client(service, region_name=REGION)


class Emulated:
    """`client` makes boto3's clients: for moto's mock_aws, or of a moto server."""

    def __init__(self, name, client=mocked):
        self.state = deployed(name)
        self.client = client
        self.ids = {}  # the stand-in's: moto's
        for step in (self.roles, self.keys_and_secrets, self.buckets, self.table, self.queues, self.logs, self.machines, self.functions,
                     self.permissions, self.rules, self.watch):
            step()

    def call(self, service, operation, values, drop=(), rename=None, **more):
        """One call with `values` as its arguments; `rename` where Terraform and AWS differ."""
        client = self.client(service)
        shape = client.meta.service_model.operation_model(operation).input_shape
        ours = {"id", "arn", "region", "tags", *drop}
        given = {(rename or {}).get(key, key): value for key, value in values.items() if key not in ours}
        return getattr(client, botocore.xform_name(operation))(**shaped(shape, given), **more)

    def roles(self):
        for role in self.state.of("aws_iam_role").values():
            self.call("iam", "CreateRole", role, drop=("unique_id",), rename={"name": "role_name", "assume_role_policy": "assume_role_policy_document"})
        for policy in self.state.of("aws_iam_role_policy").values():
            self.call("iam", "PutRolePolicy", policy, rename={"role": "role_name", "name": "policy_name", "policy": "policy_document"})
        profile = self.state.one("aws_iam_instance_profile")
        self.call("iam", "CreateInstanceProfile", profile, drop=("role",), rename={"name": "instance_profile_name"})
        self.client("iam").add_role_to_instance_profile(InstanceProfileName=profile["name"], RoleName=profile["role"])

    def keys_and_secrets(self):
        for key in self.state.of("aws_kms_key").values():
            made = self.call("kms", "CreateKey", key, drop=("key_id", "enable_key_rotation", "deletion_window_in_days"))["KeyMetadata"]
            self.ids |= {key["key_id"]: made["KeyId"]}
            self.client("kms").enable_key_rotation(KeyId=made["KeyId"])
        for alias in self.state.of("aws_kms_alias").values():
            self.client("kms").create_alias(AliasName=alias["name"], TargetKeyId=self.ids[alias["target_key_id"]])
        for secret in self.state.of("aws_secretsmanager_secret").values():
            made = self.client("secretsmanager").create_secret(
                Name=secret["name"], Description=secret["description"], KmsKeyId=secret["kms_key_id"], SecretString="x")
            self.ids |= {secret["arn"]: made["ARN"]}

    def buckets(self):
        s3 = self.client("s3")
        for bucket in self.state.of("aws_s3_bucket").values():
            s3.create_bucket(Bucket=bucket["bucket"], CreateBucketConfiguration={"LocationConstraint": REGION})
        for block in self.state.of("aws_s3_bucket_public_access_block").values():
            settings = {k: v for k, v in block.items() if k not in ("bucket", "region")}
            shape = s3.meta.service_model.shape_for("PublicAccessBlockConfiguration")
            s3.put_public_access_block(Bucket=block["bucket"], PublicAccessBlockConfiguration=shaped(shape, settings))
        # Not the policies: moto reads a denial without its condition, and would refuse everything.
        for versioning in self.state.of("aws_s3_bucket_versioning").values():
            s3.put_bucket_versioning(Bucket=versioning["bucket"], VersioningConfiguration={"Status": versioning["versioning_configuration"][0]["status"]})
        for lifecycle in self.state.of("aws_s3_bucket_lifecycle_configuration").values():
            rules = []
            for rule in lifecycle["rule"]:
                made = {"ID": rule["id"], "Status": rule["status"], "Filter": {},
                        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": rule["abort_incomplete_multipart_upload"][0]["days_after_initiation"]}}
                if "expiration" in rule:
                    made["Expiration"] = {"Days": rule["expiration"][0]["days"]}
                if "noncurrent_version_expiration" in rule:
                    made["NoncurrentVersionExpiration"] = {"NoncurrentDays": rule["noncurrent_version_expiration"][0]["noncurrent_days"]}
                rules.append(made)
            s3.put_bucket_lifecycle_configuration(Bucket=lifecycle["bucket"], LifecycleConfiguration={"Rules": rules})
        for script in self.state.of("aws_s3_object").values():
            s3.put_object(Bucket=script["bucket"], Key=script["key"], Body=b"script", ContentType=script["content_type"])

    def table(self):
        table = self.state.one("aws_dynamodb_table")

        def keys(of):
            return [{"AttributeName": of["hash_key"], "KeyType": "HASH"}, {"AttributeName": of["range_key"], "KeyType": "RANGE"}]

        client = self.client("dynamodb")
        client.create_table(
            TableName=table["name"], BillingMode=table["billing_mode"], KeySchema=keys(table),
            AttributeDefinitions=[{"AttributeName": a["name"], "AttributeType": a["type"]} for a in table["attribute"]],
            GlobalSecondaryIndexes=[{"IndexName": i["name"], "KeySchema": keys(i), "Projection": {"ProjectionType": i["projection_type"]}}
                                    for i in table["global_secondary_index"]])
        client.update_time_to_live(TableName=table["name"], TimeToLiveSpecification={
            "Enabled": table["ttl"][0]["enabled"], "AttributeName": table["ttl"][0]["attribute_name"]})
        client.update_continuous_backups(TableName=table["name"], PointInTimeRecoverySpecification={
            "PointInTimeRecoveryEnabled": table["point_in_time_recovery"][0]["enabled"]})

    def queues(self):
        sqs = self.client("sqs")
        names = {"message_retention_seconds": "MessageRetentionPeriod", "visibility_timeout_seconds": "VisibilityTimeout",
                 "sqs_managed_sse_enabled": "SqsManagedSseEnabled", "redrive_policy": "RedrivePolicy"}
        for queue in sorted(self.state.of("aws_sqs_queue").values(), key=lambda q: "redrive_policy" in q):
            attributes = {names[k]: v if isinstance(v, str) else str(v).lower() for k, v in queue.items() if k in names}
            self.ids[queue["url"]] = sqs.create_queue(QueueName=queue["name"], Attributes=attributes)["QueueUrl"]
        for policy in self.state.of("aws_sqs_queue_policy").values():
            sqs.set_queue_attributes(QueueUrl=self.ids[policy["queue_url"]], Attributes={"Policy": policy["policy"]})
        allow = self.state.one("aws_sqs_queue_redrive_allow_policy")
        sqs.set_queue_attributes(QueueUrl=self.ids[allow["queue_url"]], Attributes={"RedriveAllowPolicy": allow["redrive_allow_policy"]})

    def logs(self):
        for group in self.state.of("aws_cloudwatch_log_group").values():
            self.client("logs").create_log_group(logGroupName=group["name"])
            self.client("logs").put_retention_policy(logGroupName=group["name"], retentionInDays=group["retention_in_days"])

    def machines(self):
        ec2 = self.client("ec2")
        vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
        for group in self.state.of("aws_security_group", "machine").values():
            self.ids[group["id"]] = ec2.create_security_group(GroupName=group["name"], Description=group["description"], VpcId=vpc)["GroupId"]
        shape = ec2.meta.service_model.shape_for("RequestLaunchTemplateData")
        for template in self.state.of("aws_launch_template").values():
            # moto knows its own images and groups.
            image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
            data = {k: v for k, v in template.items() if k not in ("id", "arn", "name", "description", "region", "tags", "update_default_version")}
            data["image_id"] = image
            data["tag_specifications"] = [{**s, "tags": [{"key": k, "value": v} for k, v in s["tags"].items()]} for s in data["tag_specifications"]]
            data["network_interfaces"] = [
                {**{k: v for k, v in i.items() if k != "security_groups"}, "device_index": 0, "groups": [self.ids[g] for g in i["security_groups"]]}
                for i in data["network_interfaces"]]
            data["block_device_mappings"] = [{**b, "ebs": b["ebs"][0]} for b in data["block_device_mappings"]]
            made = ec2.create_launch_template(LaunchTemplateName=template["name"], VersionDescription=template["description"],
                                              LaunchTemplateData=shaped(shape, data))
            self.ids[template["id"]] = made["LaunchTemplate"]["LaunchTemplateId"]

    def functions(self):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as made:
            made.writestr("bootstrap", "#!/bin/sh\n")
        for function in self.state.of("aws_lambda_function").values():
            self.call("lambda", "CreateFunction", function, drop=("invoke_arn", "filename", "source_code_hash"), Code={"ZipFile": archive.getvalue()})
        # Event source mappings are only read by AWS's model: moto would run the function in Docker and swallow the messages.
        shape = self.client("lambda").meta.service_model.operation_model("CreateEventSourceMapping").input_shape
        for mapping in self.state.of("aws_lambda_event_source_mapping").values():
            shaped(shape, {k: v for k, v in mapping.items() if k not in ("id", "arn", "region")})

    def permissions(self):
        # The HTTP API itself is left out: moto's needs more packages than all else together.
        for permission in self.state.of("aws_lambda_permission").values():
            self.call("lambda", "AddPermission", permission)

    def rules(self):
        # Without the schedules: moto takes a rule that has no pattern for one that every event matches.
        for rule in self.state.of("aws_cloudwatch_event_rule", "machine").values():
            self.call("events", "PutRule", rule)
        for target in self.state.of("aws_cloudwatch_event_target", "machine").values():
            self.call("events", "PutTargets", {"rule": target["rule"], "targets": [
                {k: v for k, v in target.items() if k not in ("rule", "region")} | {"id": "jitney"}]})

    def watch(self):
        for alarm in self.state.of("aws_cloudwatch_metric_alarm").values():
            dimensions = [{"name": name, "value": value} for name, value in alarm["dimensions"].items()]
            self.call("cloudwatch", "PutMetricAlarm", {**alarm, "dimensions": dimensions})
        for dashboard in self.state.of("aws_cloudwatch_dashboard").values():
            self.call("cloudwatch", "PutDashboard", dashboard)

    def queue(self, name):
        return self.ids[self.state.of("aws_sqs_queue")[name]["url"]]
