"""Conditional writes that return whether they succeeded, and the item that is then stored."""

from collections.abc import Callable
from typing import Any, ParamSpec

from botocore.exceptions import ClientError

from sfn_cqrs.adapters.dynamodb import Item, is_refused, refused_item, unmarshal

P = ParamSpec("P")


def is_done(write: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> bool:
    """Make a call that writes; return False if its condition refused it."""
    try:
        write(*args, **kwargs)
    except ClientError as error:
        if not is_refused(error):
            raise
        return False
    return True


def changed(update_item: Callable[..., Any], **call: Any) -> tuple[bool, Item | None]:
    """Update an item; return whether it succeeded, and the new item or the one that refused."""
    try:
        answer = update_item(
            **call, ReturnValues="ALL_NEW", ReturnValuesOnConditionCheckFailure="ALL_OLD"
        )
    except ClientError as error:
        if not is_refused(error):
            raise
        return False, refused_item(error)
    return True, unmarshal(answer["Attributes"])
