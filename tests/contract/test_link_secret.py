import boto3
import pytest
from moto import mock_aws

from sfn_cqrs.kernel.errors import LinksDisabledError
from sfn_cqrs.machines.approval.link_secret import LinkSecret


def test_the_secret_is_read_once():
    asked = []
    with mock_aws():
        client = boto3.client("secretsmanager", region_name="us-east-1")
        client.create_secret(Name="stack-approval-links", SecretString="a secret")
        secret = LinkSecret(lambda: asked.append(1) or client, "stack-approval-links")

        assert [secret.read(), secret.read()] == [b"a secret", b"a secret"]
        assert asked == [1]


def test_without_a_name_links_are_off_and_nobody_is_asked():
    with pytest.raises(LinksDisabledError, match="ApprovalLinks=enabled"):
        LinkSecret(lambda: 1 / 0, "").read()
