"""Refuses what a function's role does not allow, before the call leaves the process.

Source: the messages that AWS has answered, such as those in public issues; IAM User Guide,
"Troubleshoot access denied error messages".
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from sfn_cqrs_tools.runtime.client_hooks import Hooked
from sfn_cqrs_tools.runtime.iam.policies import DENIED, Permissions
from sfn_cqrs_tools.runtime.iam.requests import Asked, asked, leading_keys

VARIABLE: Final = "SFN_CQRS_IAM"
"""Tells the processes of isolated functions where the permissions are."""

_FOR_ALL: Final = frozenset(("sts:GetCallerIdentity", "sts:GetSessionToken"))
"""Calls that AWS answers whatever a role allows."""
_CODES: Final = {"s3": "AccessDenied", "sns": "AuthorizationError", "sqs": "AccessDenied"}
_FORBIDDEN: Final = frozenset(("lambda", "s3", "sns", "sqs"))
"""These services answer 403; the others, which use JSON, answer 400."""
_SPELLED: Final[Mapping[str, Callable[[str], str]]] = {
    "sns": lambda action: action.replace("sns:", "SNS:"),
    "sqs": str.lower,
}
"""The action names in the messages of some services."""
_OF_PROJECTS: Final = "AppPolicy"
"""The policy that a project gives to all functions that import its package."""
_BUCKET: Final = "sfn_cqrs_bucket"
_MISSING: Final = frozenset(("404", "NoSuchKey"))
_KEPT: Final = 1000


class Enforcement(Hooked):
    """Checks the functions' calls to AWS; `denied` has its latest refusals."""

    def __init__(
        self,
        function: Callable[[], str | None],
        machine: Callable[[str], str | None] = lambda _token: None,
    ) -> None:
        """Take what tells the function that this thread runs, if it runs one.

        `machine` finds the state machine whose task waits with a token. Nothing is refused
        before `permissions` are there.
        """
        self._function = function
        self._machine = machine
        self.permissions: Permissions | None = None
        self.denied: deque[str] = deque(maxlen=_KEPT)
        self._hooks = [
            ("before-parameter-build", self._check),
            ("after-call.s3", self._hide),
        ]

    @classmethod
    def of_environment(cls, function: str) -> Enforcement | None:
        """Return what the parent of an isolated function's process says."""
        path = os.environ.get(VARIABLE, "")
        if not path:
            return None
        found = cls(lambda: function)
        found.permissions = Permissions.of_json(Path(path).read_text(encoding="utf-8"))
        return found

    def _check(self, params: dict[str, Any], model: Any, context: Any = None, **_: Any) -> None:
        """Refuse a call that the function's role does not allow.

        Raises:
            ClientError: the error that AWS answers.
        """
        function, permissions = self._function(), self.permissions
        if function is None or permissions is None:
            return
        prefix = model.service_model.signing_name
        for one in asked(prefix, model.name, params, self._machine):
            refusal = self._refusal(permissions, function, one)
            if refusal is not None:
                message = _message(permissions, function, prefix, one, refusal)
                self.denied.append(message)
                raise _error(prefix, model.name, message)
        if prefix == "s3" and context is not None:
            context[_BUCKET] = params.get("Bucket")

    def _refusal(self, permissions: Permissions, function: str, one: Asked) -> str | None:
        if one.action in _FOR_ALL:
            return None
        is_of_table = one.action.startswith("dynamodb:")
        keys = (lambda: _keys(permissions, one)) if is_of_table else None
        return permissions.refusal(function, one.action, one.resource, keys)

    def _hide(self, http_response: Any, parsed: Any, context: Any, **_: Any) -> None:
        """Answer for a missing object as S3 answers a caller that may not list the bucket."""
        function, permissions = self._function(), self.permissions
        error, bucket = parsed.get("Error", {}), context.get(_BUCKET)
        if function is None or permissions is None or error.get("Code") not in _MISSING:
            return
        arn = f"arn:aws:s3:::{bucket}"
        if permissions.refusal(function, "s3:ListBucket", arn):
            error |= {"Code": "AccessDenied", "Message": "Access Denied"}
            parsed["ResponseMetadata"]["HTTPStatusCode"] = http_response.status_code = 403


def _keys(permissions: Permissions, one: Asked) -> list[str] | None:
    resource = (one.resource or "").partition(":table/")[2]
    table, _, index = resource.partition("/index/")
    key = permissions.tables.get(table, {}).get(index)
    return None if key is None else leading_keys(one.part or {}, key)


def _message(permissions: Permissions, function: str, prefix: str, one: Asked, refusal: str) -> str:
    """Build AWS's message, and add what to do."""
    role, resource = permissions.roles[function], one.resource or "*"
    resource = f'"{resource}"' if prefix == "s3" else resource
    action = _SPELLED.get(prefix, str)(one.action)
    reason = f"because no identity-based policy allows the {action} action"
    place = _OF_PROJECTS if role.has(_OF_PROJECTS) else f"the Policies of {function}"
    named = permissions.named(one.resource)
    what = f"{one.action} on {named}"
    on = _pattern_of(named, one.resource or "") if place == _OF_PROJECTS else named
    to_do = f"Add {one.action} on {on} to {place} in template.yaml"
    if refusal == DENIED:
        reason = "with an explicit deny in an identity-based policy"
        to_do = f"A policy of {function} in template.yaml denies {what}"
    denied = f"User: {role.user} is not authorized to perform: {action} on resource: {resource}"
    return f"{denied} {reason}. {to_do}"


def _pattern_of(named: str, arn: str) -> str:
    """Return what `AppPolicy` can name: a reference to a machine of a project would be circular."""
    words = re.sub("(?<=[a-z0-9])(?=[A-Z])", "-", named.removesuffix("StateMachine")).lower()
    if ":stateMachine:" in arn and arn.endswith(f"-{words}"):
        account = "${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}"
        return f'!Sub "arn:{account}:stateMachine:*-{words}"'
    return named


def _error(prefix: str, operation: str, message: str) -> Exception:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    code = _CODES.get(prefix, "AccessDeniedException")
    if operation.startswith("Head"):  # an answer without a body has no code of its own
        code = "403"
    answer: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": 403 if prefix in _FORBIDDEN else 400},
    }
    return ClientError(answer, operation)
