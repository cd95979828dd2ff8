"""Makes the parts of approvals: their table, their machine and the secret of their links."""

from functools import partial

from sfn_cqrs.kernel.aws.executions import Executions
from sfn_cqrs.kernel.aws.parts import executions_of
from sfn_cqrs.kernel.parts import Parts, part
from sfn_cqrs.kernel.tables.parts import requests
from sfn_cqrs.machines.approval.items import APPROVALS
from sfn_cqrs.machines.approval.link_secret import LinkSecret
from sfn_cqrs.machines.approval.table import ApprovalTable


@part
def approvals(parts: Parts) -> ApprovalTable:
    """Return the approvals."""
    client, table = parts.client("dynamodb"), parts.variable("APPROVALS_TABLE")
    return ApprovalTable(client, table, APPROVALS, requests=requests(parts), now=parts.now)


@part
def approval_executions(parts: Parts) -> Executions:
    """Return the approval machine."""
    return executions_of(parts, "approval", parts.variable("APPROVALS_TABLE"))


@part
def link_secret(parts: Parts) -> LinkSecret:
    """Return the secret that signs approval links, if they are on."""
    client = partial(parts.client, "secretsmanager")
    return LinkSecret(client, parts.optional("APPROVAL_LINK_SECRET"))
