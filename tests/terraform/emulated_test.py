# SPDX-License-Identifier: Apache-2.0
"""What was rendered, made in moto: AWS's models know every argument, and events take their way through rules and queues."""
import json
import os
import unittest

os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-central-1"}

from moto import mock_aws  # noqa: E402

from emulated import Emulated  # noqa: E402
from machine_events import EVENTS  # noqa: E402


class InMoto(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.aws = mock_aws()
        cls.aws.start()
        cls.addClassCleanup(cls.aws.stop)
        cls.made = Emulated("minimal")

    def test_a_second_deployment_can_be_made_beside_the_first(self):
        other = Emulated("root")
        names = {q.rsplit("/", 1)[1] for q in other.client("sqs").list_queues()["QueueUrls"]}
        self.assertEqual(names, {f"{d}-{q}" for d in ("jitney", "ci-two") for q in ("create", "stop", "dead")})

    def test_events_of_machines_arrive_in_their_queue_and_others_nowhere(self):
        made = self.made
        events, sqs = made.client("events"), made.client("sqs")
        for wanted, event in EVENTS:
            sent = events.put_events(Entries=[{"Source": event["source"], "DetailType": event["detail-type"],
                                               "Detail": json.dumps({"instance-id": "i-0aaaaaaaaaaaaaaaa", **event["detail"]})}])
            self.assertEqual(sent["FailedEntryCount"], 0)
            for name in ("create", "stop", "dead"):
                got = sqs.receive_message(QueueUrl=made.queue(name), MaxNumberOfMessages=10).get("Messages", [])
                self.assertEqual(len(got), 1 if name == wanted else 0, (name, event))
                for message in got:
                    self.assertEqual(json.loads(message["Body"])["detail-type"], event["detail-type"])
                    sqs.delete_message(QueueUrl=made.queue(name), ReceiptHandle=message["ReceiptHandle"])

    def test_a_message_that_kills_its_function_ends_among_the_dead_ones(self):
        made = self.made
        sqs = made.client("sqs")
        sqs.send_message(QueueUrl=made.queue("create"), MessageBody="{}")
        taken = 0
        while True:
            got = sqs.receive_message(QueueUrl=made.queue("create"), VisibilityTimeout=0).get("Messages", [])
            if not got:
                break
            taken += 1
        self.assertIn(taken, (19, 20))  # AWS gives it up after twenty, moto one sooner
        self.assertEqual(len(sqs.receive_message(QueueUrl=made.queue("dead")).get("Messages", [])), 1)

    def test_a_fleet_from_a_template_makes_machines_that_bear_our_tags(self):
        made = self.made
        ec2 = made.client("ec2")
        template = made.state.of("aws_launch_template")["template_cpu"]
        subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
        fleet = ec2.create_fleet(
            Type="instant", TargetCapacitySpecification={"TotalTargetCapacity": 1, "DefaultTargetCapacityType": "spot"},
            LaunchTemplateConfigs=[{"LaunchTemplateSpecification": {"LaunchTemplateId": made.ids[template["id"]], "Version": "1"},
                                    "Overrides": [{"InstanceType": "m7i.large", "SubnetId": subnet}]}])
        machine = ec2.describe_instances(InstanceIds=fleet["Instances"][0]["InstanceIds"])["Reservations"][0]["Instances"][0]
        found = {tag["Key"]: tag["Value"] for tag in machine["Tags"]}
        self.assertEqual((found["jitney:deployment"], found["jitney:pool"]), ("jitney", "template_cpu"))

    def test_the_table_takes_rows_and_lists_them(self):
        made = self.made
        table = made.client("dynamodb")
        row = {"pk": {"S": "job:1"}, "sk": {"S": "row"}, "list": {"S": "job/open"}, "list_at": {"S": "1"}, "ttl": {"N": "9"}}
        table.put_item(TableName="jitney-ledger", Item=row)
        listed = table.query(TableName="jitney-ledger", IndexName="lists", KeyConditionExpression="#l = :l",
                             ExpressionAttributeNames={"#l": "list"}, ExpressionAttributeValues={":l": {"S": "job/open"}})["Items"]
        self.assertEqual(listed, [{k: row[k] for k in ("pk", "sk", "list", "list_at")}])
        self.assertEqual(table.describe_time_to_live(TableName="jitney-ledger")["TimeToLiveDescription"]["AttributeName"], "ttl")


if __name__ == "__main__":
    unittest.main()
