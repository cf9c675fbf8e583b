"""Calls the stand-in of Secrets Manager with AWS's SDK for Python, which checks each
request and reply against AWS's own description of the service.
"""

import os
import string
import unittest
import uuid

import boto3
from botocore.exceptions import ClientError

client = boto3.client("secretsmanager", endpoint_url=os.environ["SECRETS_MANAGER_URL"])


def name():
    return "calls/x" + uuid.uuid4().hex  # a filter takes what begins a word


def token():
    return str(uuid.uuid4())


class Calls(unittest.TestCase):
    def refused(self, code, words, call, **arguments):
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        error = caught.exception.response["Error"]
        self.assertEqual(error["Code"], code)
        self.assertIn(words, error["Message"])

    def test_create_read_and_describe(self):
        secret = name()
        made = client.create_secret(
            Name=secret, SecretString="one", Description="of a test", Tags=[{"Key": "team", "Value": "orders"}]
        )
        read = client.get_secret_value(SecretId=made["ARN"])
        self.assertEqual((read["SecretString"], read["VersionStages"]), ("one", ["AWSCURRENT"]))
        described = client.describe_secret(SecretId=secret)
        self.assertEqual(described["Description"], "of a test")
        self.assertEqual(described["Tags"], [{"Key": "team", "Value": "orders"}])
        self.assertNotIn("RotationEnabled", described)
        client.create_secret(Name=name(), SecretBinary=b"\x00\xff")

    def test_create_again(self):
        secret, first = name(), token()
        client.create_secret(Name=secret, SecretString="one", ClientRequestToken=first)
        client.create_secret(Name=secret, SecretString="one", ClientRequestToken=first)
        self.refused(
            "ResourceExistsException", "ClientRequestToken",
            client.create_secret, Name=secret, SecretString="two", ClientRequestToken=first,
        )
        self.refused("ResourceExistsException", "already exists", client.create_secret, Name=secret, SecretString="two")
        with self.assertRaises(client.exceptions.ResourceExistsException):
            client.create_secret(Name=secret, SecretString="two")

    def test_versions_and_labels(self):
        secret, first, second = name(), token(), token()
        client.create_secret(Name=secret, SecretString="one", ClientRequestToken=first)
        client.put_secret_value(
            SecretId=secret, SecretString="two", ClientRequestToken=second, VersionStages=["AWSPENDING"]
        )
        client.put_secret_value(
            SecretId=secret, SecretString="two", ClientRequestToken=second, VersionStages=["AWSPENDING"]
        )
        self.refused(
            "ResourceExistsException", "", client.put_secret_value,
            SecretId=secret, SecretString="three", ClientRequestToken=second,
        )
        move = {"SecretId": secret, "VersionStage": "AWSCURRENT", "MoveToVersionId": second}
        self.refused(
            "InvalidParameterException", "The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT "
            "is currently attached to version " + first, client.update_secret_version_stage, **move,
        )
        self.refused(
            "InvalidParameterException", "it must be set to the version that currently has the staging label",
            client.update_secret_version_stage, RemoveFromVersionId=second, **move,
        )
        client.update_secret_version_stage(RemoveFromVersionId=first, **move)
        versions = {v["VersionId"]: sorted(v["VersionStages"]) for v in
                    client.list_secret_version_ids(SecretId=secret)["Versions"]}
        self.assertEqual(versions, {first: ["AWSPREVIOUS"], second: ["AWSCURRENT", "AWSPENDING"]})
        self.refused(
            "InvalidRequestException", "", client.get_secret_value,
            SecretId=secret, VersionId=first, VersionStage="AWSCURRENT",
        )
        with self.assertRaises(client.exceptions.ResourceNotFoundException):
            client.get_secret_value(SecretId=secret, VersionStage="NOWHERE")

    def test_put_without_labels(self):
        secret, first, second = name(), token(), token()
        client.create_secret(Name=secret, SecretString="one", ClientRequestToken=first)
        client.update_secret_version_stage(SecretId=secret, VersionStage="AWSPENDING", MoveToVersionId=first)
        client.put_secret_value(SecretId=secret, SecretString="two", ClientRequestToken=second)
        self.assertEqual(
            client.describe_secret(SecretId=secret)["VersionIdsToStages"], {first: ["AWSPREVIOUS"], second: ["AWSCURRENT"]}
        )

    def test_update(self):
        secret = name()
        client.create_secret(Name=secret, SecretString="one")
        self.assertNotIn("VersionId", client.update_secret(SecretId=secret, Description="changed"))
        self.assertIn("VersionId", client.update_secret(SecretId=secret, SecretString="two", KmsKeyId="alias/ours"))
        self.assertEqual(client.get_secret_value(SecretId=secret)["SecretString"], "two")
        self.assertEqual(client.get_secret_value(SecretId=secret, VersionStage="AWSPREVIOUS")["SecretString"], "one")
        described = client.describe_secret(SecretId=secret)
        self.assertEqual((described["Description"], described["KmsKeyId"]), ("changed", "alias/ours"))

    def test_random_password(self):
        password = client.get_random_password()["RandomPassword"]
        self.assertEqual(len(password), 32)
        for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits, string.punctuation):
            self.assertTrue(set(password) & set(kind))
        plain = client.get_random_password(PasswordLength=200, ExcludePunctuation=True, ExcludeCharacters="0O1l")
        self.assertEqual(len(plain["RandomPassword"]), 200)
        self.assertFalse(set(plain["RandomPassword"]) & set(string.punctuation + "0O1l"))
        self.refused(
            "InvalidParameterException", "", client.get_random_password,
            PasswordLength=4, ExcludeLowercase=True, ExcludeUppercase=True, ExcludeNumbers=True, ExcludePunctuation=True,
        )

    def test_batch(self):
        one, two, absent = name(), name(), name()
        client.create_secret(Name=one, SecretString="1")
        client.create_secret(Name=two, SecretString="2")
        read = client.batch_get_secret_value(SecretIdList=[one, two, absent])
        self.assertEqual(sorted(v["SecretString"] for v in read["SecretValues"]), ["1", "2"])
        self.assertEqual([(e["SecretId"], e["ErrorCode"]) for e in read["Errors"]], [(absent, "ResourceNotFoundException")])
        found = client.batch_get_secret_value(Filters=[{"Key": "name", "Values": [one]}])
        self.assertEqual([v["Name"] for v in found["SecretValues"]], [one])

    def test_list(self):
        group = name()
        for i in range(5):
            client.create_secret(
                Name=f"{group}/{i}", SecretString="x", Description=f"Number {i}",
                Tags=[{"Key": "even" if i % 2 == 0 else "odd", "Value": group}],
            )

        def names(order="asc", **filters):
            pages = client.get_paginator("list_secrets").paginate(
                Filters=[{"Key": "name", "Values": [group]}]
                + [{"Key": key.replace("_", "-"), "Values": values} for key, values in filters.items()],
                SortOrder=order, PaginationConfig={"PageSize": 2},
            )
            return [secret["Name"][-1] for page in pages for secret in page["SecretList"]]

        self.assertEqual(sorted(names()), list("01234"))
        self.assertEqual(sorted(names(tag_key=["even"])), list("024"))
        self.assertEqual(sorted(names(tag_key=["!even"])), list("13"))
        self.assertEqual(sorted(names(description=["number 3"])), list("3"))
        self.assertEqual(sorted(names(all=["Number 4"])), list("4"))
        self.assertEqual(sorted(names(tag_value=[group], tag_key=["odd"])), list("13"))
        self.assertEqual(sorted(names(order="desc")), list("01234"))

    def test_delete_and_restore(self):
        secret = name()
        client.create_secret(Name=secret, SecretString="one")
        client.delete_secret(SecretId=secret, RecoveryWindowInDays=7)
        self.assertIn("DeletedDate", client.describe_secret(SecretId=secret))
        self.refused("InvalidRequestException", "deletion", client.get_secret_value, SecretId=secret)
        self.refused("InvalidRequestException", "deletion", client.create_secret, Name=secret, SecretString="two")
        client.restore_secret(SecretId=secret)
        self.assertEqual(client.get_secret_value(SecretId=secret)["SecretString"], "one")
        client.delete_secret(SecretId=secret)
        client.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
        client.delete_secret(SecretId=name(), ForceDeleteWithoutRecovery=True)
        with self.assertRaises(client.exceptions.ResourceNotFoundException):
            client.describe_secret(SecretId=secret)

    def test_refusals(self):
        self.refused("ValidationException", "Invalid name", client.describe_secret, SecretId="two words")
        with self.assertRaises(client.exceptions.ResourceNotFoundException):
            client.get_secret_value(SecretId=name())
        secret = name()
        client.create_secret(Name=secret, SecretString="one")
        self.refused("InvalidRequestException", "No Lambda rotation function ARN", client.rotate_secret, SecretId=secret)
        self.refused(
            "AccessDeniedException", "", client.rotate_secret,
            SecretId=secret, RotationLambdaARN="arn:aws:lambda:us-east-1:123456789012:function:absent",
        )

    def test_tags(self):
        secret = name()
        client.create_secret(Name=secret, SecretString="one", Tags=[{"Key": "a", "Value": "1"}])
        client.tag_resource(SecretId=secret, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}])
        self.assertEqual(
            {t["Key"]: t["Value"] for t in client.describe_secret(SecretId=secret)["Tags"]}, {"a": "2", "b": "3"}
        )
        client.untag_resource(SecretId=secret, TagKeys=["a"])
        self.assertEqual([t["Key"] for t in client.describe_secret(SecretId=secret)["Tags"]], ["b"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
