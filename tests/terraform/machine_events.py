# SPDX-License-Identifier: Apache-2.0
"""What EventBridge says in the life of a machine, and which queue must hear of it: "create", "stop" or none.

The events have the form of aws/lambda_events_test.cpp.
"""

EVENTS = [
    ("create", {"source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "detail": {"state": "running"}}),
    ("stop", {"source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "detail": {"state": "terminated"}}),
    ("stop", {"source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "detail": {"state": "stopped"}}),
    ("stop", {"source": "aws.ec2", "detail-type": "EC2 Spot Instance Interruption Warning", "detail": {"instance-action": "terminate"}}),
    ("stop", {"source": "aws.ssm", "detail-type": "EC2 Command Invocation Status-change Notification",
              "detail": {"document-name": "AWS-RunRemoteScript", "status": "Success"}}),
    ("stop", {"source": "aws.ssm", "detail-type": "EC2 Command Invocation Status-change Notification",
              "detail": {"document-name": "AWS-RunRemoteScript", "status": "Failed"}}),
    (None, {"source": "aws.ssm", "detail-type": "EC2 Command Invocation Status-change Notification",
            "detail": {"document-name": "AWS-RunRemoteScript", "status": "TimedOut"}}),
    (None, {"source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "detail": {"state": "pending"}}),
    (None, {"source": "aws.ssm", "detail-type": "EC2 Command Invocation Status-change Notification",
            "detail": {"document-name": "AWS-RunRemoteScript", "status": "InProgress"}}),
    (None, {"source": "aws.ssm", "detail-type": "EC2 Command Invocation Status-change Notification",
            "detail": {"document-name": "AWS-RunShellScript", "status": "Success"}}),
    (None, {"source": "aws.s3", "detail-type": "Object Created", "detail": {}}),
]
