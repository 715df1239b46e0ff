"""Readings and originals are kept, even if the stack is deleted."""

import re
import unittest

from rendered import RENDERED, RESOURCES, ROOT


class Storage(unittest.TestCase):
    def test_the_table_is_what_the_program_makes(self):
        table = RESOURCES["Table"]["Properties"]
        program = (ROOT / "shared/table/src/bootstrap.rs").read_text()
        self.assertEqual(["pk", "sk"], [key["AttributeName"] for key in table["KeySchema"]])
        (index,) = table["GlobalSecondaryIndexes"]
        names = [index["IndexName"], *[key["AttributeName"] for key in index["KeySchema"]]]
        self.assertEqual(names, re.findall(r'pub const GSI\w*: &str = "(\w+)"', program))
        self.assertEqual("KEYS_ONLY", index["Projection"]["ProjectionType"])
        self.assertEqual("NEW_IMAGE", table["StreamSpecification"]["StreamViewType"])
        self.assertEqual({"AttributeName": "ttl", "Enabled": True}, table["TimeToLiveSpecification"])
        self.assertEqual("PAY_PER_REQUEST", table["BillingMode"])
        self.assertNotIn("TableName", table)

    def test_readings_are_protected(self):
        table = RESOURCES["Table"]
        self.assertEqual(("Retain", "Retain"), (table["DeletionPolicy"], table["UpdateReplacePolicy"]))
        recovery = table["Properties"]["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
        self.assertEqual({"Ref": "PointInTimeRecovery"}, recovery)
        self.assertEqual({"Ref": "DeletionProtection"}, table["Properties"]["DeletionProtectionEnabled"])
        self.assertTrue(table["Properties"]["SSESpecification"]["SSEEnabled"])
        for parameter in ("PointInTimeRecovery", "DeletionProtection"):
            self.assertEqual("true", RENDERED["Parameters"][parameter]["Default"])


    def test_originals_are_protected_and_stay(self):
        bucket = RESOURCES["Inbox"]
        self.assertEqual(("Retain", "Retain"), (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]))
        properties = bucket["Properties"]
        self.assertEqual("Enabled", properties["VersioningConfiguration"]["Status"])
        self.assertEqual({True}, set(properties["PublicAccessBlockConfiguration"].values()))
        self.assertEqual([{"ObjectOwnership": "BucketOwnerEnforced"}], properties["OwnershipControls"]["Rules"])
        (encryption,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        self.assertEqual("AES256", encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"])
        for rule in properties["LifecycleConfiguration"]["Rules"]:
            # Current versions are never deleted.
            self.assertFalse({"ExpirationInDays", "ExpirationDate"} & rule.keys(), rule["Id"])
            if rule["Prefix"] != "inbox/":
                self.assertNotIn("NoncurrentVersionExpiration", rule)
        self.assertNotIn("BucketName", properties)
        (statement,) = RESOURCES["InboxPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        self.assertEqual("Deny", statement["Effect"])
        self.assertEqual({"Bool": {"aws:SecureTransport": "false"}}, statement["Condition"])


if __name__ == "__main__":
    unittest.main()
