# SPDX-License-Identifier: Apache-2.0
"""The judge of the other tests, on cases whose answer is known from IAM's documentation."""
import unittest

from iam import allows


def policy(*statements):
    return [{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **s} for s in statements]}]


class Iam(unittest.TestCase):
    def test_nothing_is_allowed_that_no_statement_allows(self):
        one = policy({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"})
        self.assertTrue(allows(one, "s3:GetObject", "arn:aws:s3:::b/k"))
        self.assertFalse(allows(one, "s3:PutObject", "arn:aws:s3:::b/k"))
        self.assertFalse(allows(one, "s3:GetObject", "arn:aws:s3:::bb/k"))

    def test_a_denial_wins(self):
        both = policy({"Action": "s3:*", "Resource": "*"}, {"Effect": "Deny", "Action": "s3:Get*", "Resource": "*"})
        self.assertTrue(allows(both, "s3:PutObject", "arn:aws:s3:::b/k"))
        self.assertFalse(allows(both, "s3:GetObject", "arn:aws:s3:::b/k"))

    def test_actions_are_compared_without_case_and_resources_with(self):
        one = policy({"Action": "S3:getobject", "Resource": "arn:aws:s3:::b/Key"})
        self.assertTrue(allows(one, "s3:GetObject", "arn:aws:s3:::b/Key"))
        self.assertFalse(allows(one, "s3:GetObject", "arn:aws:s3:::b/key"))

    def test_a_variable_matches_only_the_caller_and_its_wildcards_are_plain(self):
        own = policy({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/${aws:userid}/*"})
        self.assertTrue(allows(own, "s3:GetObject", "arn:aws:s3:::b/R:i-1/j", keys={"aws:userid": "R:i-1"}))
        self.assertFalse(allows(own, "s3:GetObject", "arn:aws:s3:::b/R:i-2/j", keys={"aws:userid": "R:i-1"}))
        self.assertFalse(allows(own, "s3:GetObject", "arn:aws:s3:::b/R:i-2/j", keys={"aws:userid": "R:*"}))
        self.assertFalse(allows(own, "s3:GetObject", "arn:aws:s3:::b/R:i-1/j"))

    def test_every_condition_must_hold_and_a_missing_key_does_not(self):
        one = policy({"Action": "ec2:TerminateInstances", "Resource": "*",
                      "Condition": {"StringEquals": {"aws:ResourceTag/d": "x", "aws:RequestTag/e": ["y", "z"]}}})
        self.assertTrue(allows(one, "ec2:TerminateInstances", "*", keys={"aws:ResourceTag/d": "x", "aws:RequestTag/e": "z"}))
        self.assertFalse(allows(one, "ec2:TerminateInstances", "*", keys={"aws:ResourceTag/d": "x"}))

    def test_a_negated_condition_holds_without_its_key(self):
        one = policy({"Action": "s3:*", "Resource": "*"}, {"Effect": "Deny", "Action": "s3:*", "Resource": "*",
                                                            "Condition": {"ArnNotEquals": {"aws:PrincipalArn": "arn:r"}}})
        self.assertTrue(allows(one, "s3:GetObject", "x", keys={"aws:PrincipalArn": "arn:r"}))
        self.assertFalse(allows(one, "s3:GetObject", "x", keys={"aws:PrincipalArn": "arn:other"}))
        self.assertFalse(allows(one, "s3:GetObject", "x"))

    def test_what_is_not_understood_is_not_judged(self):
        with self.assertRaises(ValueError):
            allows(policy({"NotAction": "s3:*", "Action": "s3:x", "Resource": "*"}), "s3:x", "*")
        with self.assertRaises(KeyError):
            allows(policy({"Action": "s3:x", "Resource": "*", "Condition": {"IpAddress": {"a": "b"}}}), "s3:x", "*", keys={"a": "b"})


if __name__ == "__main__":
    unittest.main()
