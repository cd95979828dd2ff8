"""The commands table: versions that are appended and never changed."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sfn_cqrs.kernel.aws.attributes_bucket import AttributesBucket
from sfn_cqrs.kernel.aws.groups import Weight, groups
from sfn_cqrs.kernel.aws.transient import is_busy
from sfn_cqrs.kernel.clock import Now, Retention
from sfn_cqrs.kernel.command import Command
from sfn_cqrs.kernel.errors import TogetherTooLargeError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.tables.conditional import is_done, new_put
from sfn_cqrs.kernel.tables.dynamodb import (
    ExpiringTable,
    Item,
    alive,
    cancellation_codes,
    get,
    marshal,
    unmarshal,
)
from sfn_cqrs.kernel.tables.paging import Page, Range, page_of, query
from sfn_cqrs.kernel.tables.request_table import RequestTable
from sfn_cqrs.machines.command import unique
from sfn_cqrs.machines.command.data_table import row_condition
from sfn_cqrs.machines.command.items import as_command, as_process, command_item, row_item
from sfn_cqrs.machines.command.process import Outcome, Process
from sfn_cqrs.machines.command.process_table import new_process_item
from sfn_cqrs.machines.command.publication import (
    Decision,
    Publication,
    Refusal,
    RowPublication,
    SyncPublication,
)
from sfn_cqrs.machines.command.together import reserves
from sfn_cqrs.machines.command.unique import Held
from sfn_cqrs.machines.command.unique_table import as_it_was, freeing, is_latest, taking

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_OPERATIONS = 100
MAX_TRANSACTION_BYTES = 3_500_000
_Operations = list[tuple[Refusal, Any]]


class CommandTable(ExpiringTable):
    """The commands table, with the transactions that append to it."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        data_table: str,
        history_table: str,
        requests: RequestTable,
        attributes: AttributesBucket,
        now: Now,
        retention: Retention,
    ) -> None:
        """Use the commands table and the other tables that its transactions write."""
        super().__init__(client, table, now, retention)
        self._data_table = data_table
        self._history_table = history_table
        self._requests = requests
        self._attributes = attributes

    def latest(self, key: ItemKey) -> Command | None:
        """Return the newest version, read consistently, or None if the item was never published."""
        item = self._latest(key)
        return self._loaded(item) if item else None

    def latest_version(self, key: ItemKey) -> int:
        """Return the newest version's number, or 0; attributes in S3 stay there."""
        item = self._latest(key)
        return int(item["version"]) if item else 0

    def _latest(self, key: ItemKey) -> Item | None:
        items = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues=marshal({":pk": key.pk, ":prefix": key.versions_prefix}),
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=2,
        )["Items"]
        found = [unmarshal(item) for item in items]
        return next((item for item in found if item["kind"] == "command"), None)

    def find(self, key: ItemKey, version: int) -> Command | None:
        """Return one version with its attributes, read consistently, or None if not stored."""
        item = self._found(key, version)
        return self._loaded(item) if item else None

    def stored(self, key: ItemKey, version: int) -> Command | None:
        """Return one version as it is stored: attributes in S3 stay there, as does their pointer.

        It is read consistently; None if not stored.
        """
        item = self._found(key, version)
        return as_command(item, item.get("attributes") or {}) if item else None

    def _found(self, key: ItemKey, version: int) -> Item | None:
        where = marshal({"pk": key.pk, "sk": key.version_sk(version)})
        return alive(get(self._client, self._table, where), self._now())

    def page(
        self, key: ItemKey, limit: int, cursor: str | None
    ) -> Page[tuple[Command, Process | None]]:
        """Return a page of the versions of an item with their processes, the newest first.

        Expired versions are left out, even if they are not deleted yet. Attributes in S3 are not
        loaded, because a hundred of them exceed a function's memory.

        Raises:
            InvalidInputError: the limit or the cursor is not valid for this list.
        """
        wanted = Range([key.pk], key.versions_prefix, limit, cursor, is_descending=True)
        commands: list[Item] = []
        processes: dict[int, Process] = {}
        now = self._now().timestamp()
        for item in query(self._client, self._table, wanted, 2 * limit + 2):
            if item.get("ttl", now + 1) <= now:
                continue
            if item["kind"] == "process":
                processes[item["version"]] = as_process(item)
            else:
                commands.append(item)
            if len(commands) > limit:
                break
        page = page_of(commands, wanted)
        versions = [
            (as_command(item, item.get("attributes") or {}), processes.get(item["version"]))
            for item in page.items
        ]
        return Page(versions, page.next_cursor)

    def expires(self, type_: str) -> bool:
        """Return whether commands of this type are kept for some days only."""
        return self._expiry(type_) is not None

    def expire(self, key: ItemKey, version: int) -> bool:
        """Give a command that is no longer needed its ttl; return False if none was set."""
        expiry = self._expiry(key.type)
        if expiry is None:
            return False
        return is_done(
            self._client.update_item,
            TableName=self._table,
            Key=marshal({"pk": key.pk, "sk": key.version_sk(version)}),
            UpdateExpression="SET #ttl = :ttl",
            ConditionExpression="attribute_exists(pk) AND attribute_not_exists(#ttl)",
            ExpressionAttributeNames={"#ttl": "ttl"},
            ExpressionAttributeValues=marshal({":ttl": expiry}),
        )

    def publish(self, publication: Publication) -> Refusal | None:
        """Append a version in one transaction; return why it was refused, or None.

        If the version is refused, its large attributes stay in S3, unused.
        """
        operations = self._appends(publication)
        if isinstance(publication, SyncPublication):
            operations += self._applies(publication)
        if publication.request is not None:
            put = {"Put": self._requests.put_operation(publication.request)}
            operations.append((Refusal.REQUEST_SEEN, put))
        if publication.ending is not None:
            operations.append((Refusal.ENDED_BEFORE, {"Put": publication.ending}))
        try:
            self._client.transact_write_items(TransactItems=[part for _, part in operations])
        except ClientError as error:
            codes = cancellation_codes(error)
            if "ConditionalCheckFailed" in codes:
                return _first_refusal(codes, [refusal for refusal, _ in operations])
            if codes and is_busy(error):
                return Refusal.BUSY
            raise
        return None

    def publish_together(self, decision: Decision) -> tuple[Refusal, int] | None:
        """Append versions of different items in one transaction, all or none.

        Return why it was refused, and the place of the publication that was; or None.

        Raises:
            TogetherTooLargeError: one transaction cannot write all of it.
        """
        places, operations = self._decides(decision)
        _check_writes(operations)
        try:
            self._client.transact_write_items(TransactItems=[part for _, part in operations])
        except ClientError as error:
            codes = cancellation_codes(error)
            if "ConditionalCheckFailed" in codes:
                refusals = [refusal for refusal, _ in operations]
                first = _first_refusal(codes, refusals)
                at = next(
                    place
                    for place, code, refusal in zip(places, codes, refusals, strict=False)
                    if code == "ConditionalCheckFailed" and refusal is first
                )
                return first, at
            if codes and is_busy(error):
                return Refusal.BUSY, 0
            raise
        return None

    def _decides(self, decision: Decision) -> tuple[list[int], _Operations]:
        """Return the operations of a decision, and the place of the publication that each is of."""
        found = list(self._of_each(decision.publications))
        stays = (is_latest(self._table, one.key, one.version) for one in decision.stays)
        found += [(0, (Refusal.VERSION_TAKEN, check)) for check in stays]
        if decision.request is not None:
            answer = self._requests.put_operation(decision.request)
            found.append((0, (Refusal.REQUEST_SEEN, {"Put": answer})))
        return [place for place, _ in found], [operation for _, operation in found]

    def _of_each(
        self, publications: Sequence[Publication]
    ) -> Iterator[tuple[int, tuple[Refusal, Any]]]:
        at = int(self._now().timestamp())
        keys = [one.command.key for one in publications]
        for place, one in enumerate(publications):
            yield from ((place, put) for put in self._puts(one))
            if one.before.may_be_filled:
                yield place, self._held_still(keys[place], one.before)
        moves = (unique.moves(one.before.held, one.command.unique) for one in publications)
        for each in reserves(list(zip(keys, moves, strict=True))):
            if each.frees:
                put = freeing(self._table, keys[each.place], each.hash, at)
            else:
                put = taking(self._table, keys[each.place], each.hash, each.giver)
            yield each.place, (Refusal.NOT_UNIQUE, {"Put": put})

    def find_many(self, versions: Iterable[tuple[ItemKey, int]]) -> dict[ItemKey, Command]:
        """Return the stored versions among these of different items, read consistently."""
        found = self._alive((key.pk, key.version_sk(version)) for key, version in versions)
        return {command.key: command for command in map(self._loaded, found.values())}

    def publish_many(
        self, publications: Sequence[Publication | RowPublication]
    ) -> list[Refusal | None]:
        """Append versions of different items, many to a transaction.

        Return for each why it was refused, or None. A refusal does not stop the others.
        """
        answers: list[Refusal | None] = [None] * len(publications)
        parts = [self._operations(publication) for publication in publications]
        most = MAX_OPERATIONS, MAX_TRANSACTION_BYTES
        for group in groups(enumerate(parts), lambda part: _weight(part[1]), most):
            for place, refusal in self._publish_group(dict(group)).items():
                answers[place] = refusal
        return answers

    def _publish_group(self, parts: dict[int, _Operations]) -> dict[int, Refusal]:
        """Write a group; drop refused versions and try again until the rest is written."""
        refused: dict[int, Refusal] = {}
        while len(refused) < len(parts):
            left = {place: part for place, part in parts.items() if place not in refused}
            operations = [operation for part in left.values() for _, operation in part]
            try:
                self._client.transact_write_items(TransactItems=operations)
                return refused
            except ClientError as error:
                codes = cancellation_codes(error)
                now_refused = _refusals_of(left, codes)
                if not now_refused:
                    raise
                refused |= now_refused
        return refused

    def _operations(self, publication: Publication | RowPublication) -> _Operations:
        if isinstance(publication, RowPublication):
            put = self._put_new(command_item(publication.command))
            return [put, *self._puts_row(publication), *self._reserves(publication)]
        return self._appends(publication)

    def _appends(self, publication: Publication) -> _Operations:
        return [*self._puts(publication), *self._reserves(publication)]

    def _puts(self, publication: Publication) -> _Operations:
        items = command_item(publication.command), new_process_item(publication.process)
        return [self._put_new(item) for item in items]

    def _reserves(self, publication: Publication | RowPublication) -> _Operations:
        command = publication.command
        before, at = publication.before, int(self._now().timestamp())
        if not (before.held or before.wanted or command.unique):
            return []
        moves = unique.moves(before.held, command.unique)
        puts = [
            *(taking(self._table, command.key, each) for each in moves.taken),
            *(freeing(self._table, command.key, each, at) for each in moves.freed),
        ]
        operations: _Operations = [(Refusal.NOT_UNIQUE, {"Put": put}) for put in puts]
        if before.may_be_filled:
            operations.append(self._held_still(command.key, before))
        return operations

    def _held_still(self, key: ItemKey, before: Held) -> tuple[Refusal, Any]:
        return Refusal.DATA_MOVED, {"ConditionCheck": as_it_was(self._table, key, before)}

    def _put_new(self, item: Item) -> tuple[Refusal, Any]:
        return Refusal.VERSION_TAKEN, {"Put": new_put(self._table, marshal(item))}

    def _applies(self, publication: SyncPublication) -> _Operations:
        operations = self._puts_row(publication)
        if publication.predecessor:
            operations.append((Refusal.DATA_MOVED, self._settled(publication)))
        return operations

    def _puts_row(self, publication: SyncPublication | RowPublication) -> _Operations:
        command = publication.command
        condition, values = row_condition(publication.data_version)
        put_row: Item = {
            "TableName": self._data_table,
            "Item": marshal(row_item(command.as_row())),
            "ConditionExpression": condition,
        }
        if values:
            put_row["ExpressionAttributeValues"] = values
        operations: _Operations = [(Refusal.DATA_MOVED, {"Put": put_row})]
        if publication.history is not None:
            # The row's version is guarded above: an entry that exists is this very state.
            put_history = {"TableName": self._history_table, "Item": publication.history}
            operations.append((Refusal.DATA_MOVED, {"Put": put_history}))
        return operations

    def _settled(self, publication: SyncPublication) -> Any:
        key = publication.command.key
        return {
            "ConditionCheck": {
                "TableName": self._table,
                "Key": marshal({"pk": key.pk, "sk": key.process_sk(publication.predecessor)}),
                "ConditionExpression": "attribute_not_exists(pk) OR outcome = :applied",
                "ExpressionAttributeValues": marshal({":applied": str(Outcome.APPLIED)}),
            }
        }

    def _loaded(self, item: Item) -> Command:
        return as_command(item, self._attributes.whole(item)["attributes"])


def _weight(operations: _Operations) -> Weight:
    return len(operations), sum(len(json.dumps(operation)) for _, operation in operations)


def _check_writes(operations: _Operations) -> None:
    """Refuse a decision that one transaction cannot hold; large attributes are in S3 already.

    Raises:
        TogetherTooLargeError: naming the limit.
    """
    if len(operations) > MAX_OPERATIONS:
        raise TogetherTooLargeError(f"has {len(operations)} writes, of {MAX_OPERATIONS} at most")


def _refusals_of(parts: dict[int, _Operations], codes: list[str]) -> dict[int, Refusal]:
    """Return the refused commands, by the codes of all operations in order."""
    refused: dict[int, Refusal] = {}
    rest = iter(codes)
    for place, part in parts.items():
        for (refusal, _), code in zip(part, rest, strict=False):
            if code == "ConditionalCheckFailed":
                refused.setdefault(place, refusal)
            elif code == "TransactionConflict":
                refused.setdefault(place, Refusal.BUSY)
    return refused


def _first_refusal(codes: list[str], refusals: list[Refusal]) -> Refusal:
    """Return the refusal that says most: after these two, nothing is to be tried again."""
    refused = [
        refusal
        for code, refusal in zip(codes, refusals, strict=False)
        if code == "ConditionalCheckFailed"
    ]
    last = (each for each in (Refusal.REQUEST_SEEN, Refusal.ENDED_BEFORE) if each in refused)
    return next(last, refused[0])
