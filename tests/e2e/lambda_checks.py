# SPDX-License-Identifier: Apache-2.0
"""What must hold at the end of every story on AWS. Machines, queues and objects are looked at with boto3."""
from world import SECRET, TOKEN, until


def names_of_batches(world):
    """Of all machines that there ever were."""
    return {tag["Value"] for machine in world.cloud.machines() for tag in machine["Tags"] if tag["Key"] == "jitney:batch"}


def check_nothing_is_left(test, world, seconds=60, wake_ups=False):
    """`wake_ups`: messages that are to come later may wait, as a breaker's do."""
    cloud = world.cloud
    until(lambda: not cloud.instances("pending", "running", "shutting-down", "stopping", "stopped"), seconds,
          "the end of every machine", 0.2)
    until(lambda: not world.registrations(), 60, "the end of every registration")
    until(lambda: not world.runners(), 40, "a ledger without live runners", 0.3)
    until(lambda: cloud.waiting(cloud.create, not wake_ups) + cloud.waiting(cloud.stop) == 0, 40,
          lambda: f"empty queues ({cloud.left(cloud.create)}, {cloud.left(cloud.stop)})", 0.2)
    test.assertEqual(cloud.waiting(cloud.dead), 0)
    # Every JIT configuration was read and deleted.
    test.assertEqual(cloud.s3.list_objects_v2(Bucket=cloud.jit_bucket).get("KeyCount", 0), 0)
    test.assertEqual(cloud.open_spot_requests(), [])
    # No request was rebuilt under a token that was used before.
    test.assertEqual([c for c in world.vendors.calls if b"IdempotentParameterMismatch" in c.answer[2]], [])
    log = world.log.read_text()
    for secret in (TOKEN, SECRET, "not-so-secret"):
        test.assertNotIn(secret, log)


def check_all_is_over(test, world, jobs, **options):
    check_nothing_is_left(test, world, **options)
    test.assertEqual([job["status"] for job in world.jobs()], ["completed"] * jobs)
