"""A typical rotation function: it chooses the password of one account of a service. It has
nothing to do with PingOne; it shows that the stand-in of Secrets Manager works with any
rotation function that keeps the contract of the four steps.
"""

import json
import os
import urllib.error
import urllib.request

import boto3

secrets = boto3.client("secretsmanager", endpoint_url=os.environ["SECRETS_MANAGER_URL"])


def handler(event, context):
    secret_id, token = event["SecretId"], event["ClientRequestToken"]
    described = secrets.describe_secret(SecretId=secret_id)
    if not described.get("RotationEnabled"):
        raise ValueError("rotation is not enabled")
    labels = described["VersionIdsToStages"].get(token)
    if labels is None:
        raise ValueError("the token names no version of the secret")
    if "AWSCURRENT" in labels:
        return
    if "AWSPENDING" not in labels:
        raise ValueError("the version is not pending")
    step = {
        "createSecret": create,
        "setSecret": put_into_service,
        "testSecret": try_pending,
        "finishSecret": promote,
    }[event["Step"]]
    step(secret_id, token, described)


def create(secret_id, token, described):
    account = read(secret_id, VersionStage="AWSCURRENT")
    try:
        read(secret_id, VersionId=token, VersionStage="AWSPENDING")
        return  # stored by an earlier attempt
    except secrets.exceptions.ResourceNotFoundException:
        pass
    password = secrets.get_random_password(ExcludeCharacters=":/@\"'\\")
    account["password"] = password["RandomPassword"]
    secrets.put_secret_value(
        SecretId=secret_id,
        ClientRequestToken=token,
        SecretString=json.dumps(account),
        VersionStages=["AWSPENDING"],
    )


def put_into_service(secret_id, token, described):
    pending = read(secret_id, VersionId=token, VersionStage="AWSPENDING")
    if works(pending):
        return  # done by an earlier attempt
    current = read(secret_id, VersionStage="AWSCURRENT")
    if current["username"] != pending["username"]:
        raise ValueError("the pending version belongs to another account")
    ask(current, "PUT", pending["password"])


def try_pending(secret_id, token, described):
    if not works(read(secret_id, VersionId=token, VersionStage="AWSPENDING")):
        raise ValueError("the service refuses the pending password")


def promote(secret_id, token, described):
    current = next(
        (version for version, labels in described["VersionIdsToStages"].items() if "AWSCURRENT" in labels), None
    )
    secrets.update_secret_version_stage(
        SecretId=secret_id, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current
    )


def read(secret_id, **version):
    return json.loads(secrets.get_secret_value(SecretId=secret_id, **version)["SecretString"])


def works(account):
    try:
        ask(account, "GET")
        return True
    except urllib.error.HTTPError as refused:
        if refused.code == 401:
            return False
        raise


def ask(account, method, body=""):
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(None, account["url"], account["username"], account["password"])
    opener = urllib.request.build_opener(Once(passwords))
    opener.open(urllib.request.Request(account["url"], data=body.encode() or None, method=method)).close()


class Once(urllib.request.HTTPBasicAuthHandler):
    """Sends the password at once, and not again after a refusal."""

    def http_request(self, request):
        user, password = self.passwd.find_user_password(None, request.full_url)
        request.add_header("Authorization", basic(user, password))
        return request

    def http_error_401(self, request, response, code, message, headers):
        return None


def basic(user, password):
    import base64

    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
