"""A shorter way to moto's DynamoDB: most of the suites' time went into getting there.

What botocore checks is checked and what moto does is done; skipped is what lies between them:
signing, a request of HTTP, moto's parsing of it and its rendering of an answer that botocore
parses again. What moto refuses goes the whole way, and so does every call of a client that has
handlers for `before-send`. `tests/contract/test_moto_shortcuts.py` compares both ways.
"""

import copy
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar
from unittest import mock

from botocore import handlers, session
from moto.core import DEFAULT_ACCOUNT_ID, models, responses
from moto.core.models import botocore_stubber
from moto.core.utils import camelcase_to_underscores
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models import DynamoDBBackend, Table
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser, Node
from moto.dynamodb.parsing.expressions import UpdateExpressionParser
from moto.dynamodb.responses import DynamoHandler
from moto.sqs import models as sqs

OPERATIONS = {
    "BatchGetItem",
    "BatchWriteItem",
    "CreateTable",
    "DeleteItem",
    "DeleteTable",
    "GetItem",
    "PutItem",
    "Query",
    "Scan",
    "TransactGetItems",
    "TransactWriteItems",
    "UpdateItem",
}
METADATA = {"RequestId": "a-request", "HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0}
MOST_BYTES = 405_000
"""Of an item, as moto has it."""
_update_item = DynamoDBBackend.update_item
_weigh = Item.size
_cast: Any = DynamoType.cast_value
_lex_one_node: Any = ConditionExpressionParser._lex_one_node


class Http:
    """The response that nobody sent, for the handlers of `after-call`."""

    status_code = 200
    headers: ClassVar[dict[str, str]] = {}


def install() -> None:
    """Take the short way with the clients made from now on."""
    handlers.BUILTIN_HANDLERS.append(("before-call", answer, handlers.REGISTER_LAST))
    for patch in _patches:
        patch.start()


@contextmanager
def removed() -> Iterator[None]:
    """Let moto be as it is, to compare with."""
    for patch in _patches:
        patch.stop()
    try:
        with mock.patch.object(sys.modules[__name__], "OPERATIONS", ()):
            yield
    finally:
        for patch in _patches:
            patch.start()


def answer(
    event_name: str, model: Any, params: Any, request_signer: Any, context: Any, **_: Any
) -> tuple[type[Http], dict[str, Any]] | None:
    """What moto answers; None is the whole way."""
    is_mocked = botocore_stubber.enabled and ".amazonaws.com" in params["url"]
    if not is_mocked or event_name.split(".")[1] != "dynamodb" or model.name not in OPERATIONS:
        return None
    body = params["body"]
    is_binary = b'{"B": ' in body or b'{"BS": ' in body  # which moto's parser decodes
    if is_binary or _are_others(request_signer, event_name.replace("before-call", "before-send")):
        return None
    handler = DynamoHandler()
    handler.current_account, handler.region = DEFAULT_ACCOUNT_ID, context["client_region"]
    handler.body = handler.params = json.loads(body)
    try:
        result = getattr(handler, _method(model.name))().result or {}
    except Exception:  # nothing was changed: the whole way says the same in AWS's words
        return None
    members = model.output_shape.members
    answered = {name: result[name] for name in members if result.get(name) is not None}
    return Http, {**answered, "ResponseMetadata": {**METADATA}}


@cache
def _method(operation: str) -> str:
    return camelcase_to_underscores(operation)


def _are_others(request_signer: Any, event: str) -> bool:
    """Whether anyone but moto listens to what is sent."""
    emitter = request_signer._event_emitter._emitter
    return any(each is not botocore_stubber for each in emitter._handlers.prefix_search(event))


def _snapshot(table: Table, _memo: dict[int, Any]) -> Table:
    """A table as it is: moto keeps one for each item of a transaction, to roll back.

    Items are shared: they are replaced, never changed, which `_update_own_copy` sees to.
    """
    kept = copy.copy(table)
    kept.items = copy.copy(table.items)
    if table.has_range_key:
        for key, items in table.items.items():
            kept.items[key] = dict(items)
    if table.stream_shard is not None:
        kept.stream_shard = copy.copy(table.stream_shard)
        kept.stream_shard.items = list(table.stream_shard.items)
        kept.stream_shard.table = kept
    return kept


def _update_own_copy(backend: DynamoDBBackend, table_name: str, key: Any, **settings: Any) -> Any:
    """Update a copy of the item in its place: whoever has the item has it as it was."""
    table = backend.get_table(table_name)
    hash_key, range_key = backend.get_keys_value(table, key)
    item = copy.deepcopy(table.get_item(hash_key, range_key))
    if item is not None and range_key is None:
        table.items[hash_key] = item
    elif item is not None:
        table.items[hash_key][range_key] = item
    return _update_item(backend, table_name, key, **settings)


def _copied(node: Node, memo: dict[int, Any]) -> Node:
    """A tree of an update expression, for one update: the values of items replace its leaves."""
    copied = copy.copy(node)
    if node.children is not None:
        copied.children = [
            _copied(child, memo) if _is_a(type(child), Node) else child for child in node.children
        ]
        for child in copied.children:
            if _is_a(type(child), Node):
                child.parent = copied
    return copied


def _traverse(traverser: DepthFirstTraverser, root: Any) -> Any:
    """Process the nodes, those below first; moto makes the map of kinds anew for each of them."""
    processors = traverser._processing_map()

    def processed(node: Any, number: int = -1) -> Any:
        kind = type(node)
        if not _is_a(kind, Node):
            return node
        parent = node.parent
        for index, child in enumerate(node.children or ()):
            traverser.pre_processing_of_child(node, index)
            processed(child, index)
        for each, process in processors.items():
            if _is_a(kind, each):
                made = process(node)
                made.parent = parent
                if parent:
                    parent.children[number] = made
                return made
        return node

    return processed(root)


_is_a = cache(issubclass)


def _make_item(item: Item, hash_key: Any, range_key: Any, attrs: dict[str, Any]) -> None:
    """Weigh an item once: moto weighs what there is of it at each of its attributes."""
    item.hash_key, item.range_key = hash_key, range_key
    item.attrs = LimitedSizeDict()
    dict.update(item.attrs, {name: DynamoType(value) for name, value in attrs.items()})
    if _weigh(item) > MOST_BYTES:
        raise ItemSizeTooLarge


def _weight(item: Item) -> int:
    """What an item weighs; it is never changed, and its copy has no weight of its own yet."""
    if "weight" not in vars(item):
        item.weight = _weigh(item)  # type: ignore[attr-defined]
    return int(item.weight)  # type: ignore[attr-defined]


def _worth(value: DynamoType) -> Any:
    """What a value is compared by; moto first asks of each text whether it is anything else."""
    return value.value if value.type == "S" else _cast.fget(value)


@cache
def _first_token(condition: str) -> Any:
    """The first token of a condition, and what is left; moto makes six patterns for each."""
    return _lex_one_node(ConditionExpressionParser, condition)


def _is_kept(backend: sqs.SQSBackend, queue: str, message: Any) -> bool:
    """Ask a queue how long it keeps messages; moto makes all its attributes for each message."""
    found: Any = backend.get_queue(queue)
    kept: float = found.message_retention_period + message.sent_timestamp / 1000
    return kept > sqs.unix_time()


# Models of services are read once for all sessions, and nothing here speaks to AWS by `requests`,
# whose mocks take long to make.
_patches = [
    mock.patch.object(session, "create_loader", cache(session.create_loader)),
    mock.patch.object(Table, "__deepcopy__", _snapshot, create=True),
    mock.patch.object(DynamoDBBackend, "update_item", _update_own_copy),
    mock.patch.object(Node, "__deepcopy__", _copied, create=True),
    mock.patch.object(DepthFirstTraverser, "traverse", _traverse),
    mock.patch.object(UpdateExpressionParser, "make", cache(UpdateExpressionParser.make)),
    mock.patch.object(models, "RESPONSES_METHODS", ()),
    mock.patch.object(Item, "__init__", _make_item),
    mock.patch.object(Item, "size", _weight),
    mock.patch.object(DynamoType, "cast_value", property(_worth)),
    mock.patch.object(sqs.SQSBackend, "is_message_valid_based_on_retention_period", _is_kept),
    mock.patch.object(
        ConditionExpressionParser, "_lex_one_node", lambda _self, rest: _first_token(rest)
    ),
    *(
        mock.patch.object(responses, name, cache(getattr(responses, name)))
        for name in ("camelcase_to_underscores", "method_names_from_class")
    ),
]
