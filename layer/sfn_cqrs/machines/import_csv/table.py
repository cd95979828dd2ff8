"""The import table: the plans, markers and counters of jobs.

A batch stores its plan first. At its end, one transaction counts it: a marker, which can be put
only once, and one of 16 counters.
"""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from sfn_cqrs.kernel.errors import SupersededError
from sfn_cqrs.kernel.keys import ImportKey, MappingKey, shard_of
from sfn_cqrs.kernel.tables.conditional import new_put
from sfn_cqrs.kernel.tables.dynamodb import (
    Item,
    Table,
    get,
    is_refused,
    marshal,
    refused_item,
    unmarshal,
)
from sfn_cqrs.kernel.tables.transactions import write_all
from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.import_csv.items import WHOSE
from sfn_cqrs.machines.import_csv.results import Counts, Fate, Marker, Plan, Planned, Spent

SHARDS = 16
LIFETIME_SECONDS = 35 * 86_400
"""Somewhat longer than the bucket keeps the file and its failed rows."""
_TOOK = "took"
"""Milliseconds; behind a dot, those of a handler."""
_COUNTED = tuple(str(fate) for fate in Fate)


class ImportTable(Table):
    """The plans, markers and counters of jobs."""

    def plan(self, key: ImportKey, first: int, plan: Plan) -> Plan | None:
        """Store a batch's plan; return the one that is already stored, if there is one."""
        item = {
            "pk": key.parts_pk,
            "sk": f"PLAN#{first:09d}",
            "kind": "plan",
            "rows": {str(row): _planned_item(planned) for row, planned in plan.items()},
            "ttl": self._expiry(),
        }
        try:
            self._client.put_item(
                **new_put(self._table, marshal(item)),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if not is_refused(error):
                raise
            return _as_plan(refused_item(error) or {"rows": {}})
        return None

    def plans(self, key: ImportKey) -> Iterator[tuple[int, Plan]]:
        """Yield a job's plans, each with its batch's first row, in the order of its rows."""
        for item in self._parts(key, "PLAN#"):
            yield int(item["sk"].removeprefix("PLAN#")), _as_plan(item)

    def keep_mapping(self, key: MappingKey, mapping: dict[str, str]) -> None:
        """Keep the headings that somebody's files have for a table's columns."""
        item = {**_mapping_key(key), "kind": "mapping", "mapping": mapping}
        self._client.put_item(TableName=self._table, Item=marshal(item))

    def mapping(self, key: MappingKey) -> dict[str, str] | None:
        """Return the headings that were kept for a table; None where none were."""
        item = get(self._client, self._table, marshal(_mapping_key(key)))
        return unmarshal(item)["mapping"] if item else None

    def replan(
        self, key: ImportKey, first: int, row: int, before: Planned, after: Planned
    ) -> Planned:
        """Change what one row will become, unless that has changed; return what is stored."""
        values = {":before": _planned_item(before), ":after": _planned_item(after)}
        try:
            self._client.update_item(
                TableName=self._table,
                Key=marshal({"pk": key.parts_pk, "sk": f"PLAN#{first:09d}"}),
                UpdateExpression="SET #rows.#row = :after",
                ConditionExpression="#rows.#row = :before",
                ExpressionAttributeNames={"#rows": "rows", "#row": str(row)},
                ExpressionAttributeValues=marshal(values),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            found = refused_item(error) if is_refused(error) else None
            if found is None:
                raise
            return _as_planned(found["rows"][str(row)])
        return after

    def count(self, key: ImportKey, marker: Marker) -> Counts:
        """Count a batch once, however often this is called; return how it was counted.

        Raises:
            SupersededError: the job has ended without this batch.
            BusyError: the counter is being written by many others; try again.
        """
        put = {
            **new_put(self._table, marshal({**_marker_item(key, marker), "ttl": self._expiry()})),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        shard = shard_of(key.parts_pk, str(marker.first), SHARDS)
        counts = marker.counts.by_name
        whose = {"kind": "count", **WHOSE.item(key), "ttl": self._expiry()}
        took = {f"t{place}": each for place, each in enumerate(_spent_item(marker.spent).items())}
        adds = ", ".join(
            [*(f"{name} :{name}" for name in counts), *(f"#{short} :{short}" for short in took)]
        )
        sets = ", ".join(f"#{name} = :{name}" for name in whose)
        update = {
            "TableName": self._table,
            "Key": marshal({"pk": key.parts_pk, "sk": f"COUNT#{shard:02d}"}),
            "UpdateExpression": f"ADD {adds} SET {sets}",
            "ConditionExpression": "attribute_not_exists(sealed)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            "ExpressionAttributeNames": {f"#{name}": name for name in whose}
            | {f"#{short}": name for short, (name, _) in took.items()},
            "ExpressionAttributeValues": marshal(
                {f":{name}": value for name, value in (counts | whose).items()}
                | {f":{short}": spent for short, (_, spent) in took.items()}
            ),
        }
        refused = write_all(self._client, [{"Put": put}, {"Update": update}])
        if refused is None:
            return marker.counts
        if "sealed" in refused:
            raise SupersededError(f"{key.id} has ended without the batch of row {marker.first}")
        return _as_marker(refused).counts

    def seal(self, key: ImportKey) -> None:
        """Stop counting batches.

        Raises:
            BusyError: batches are being counted just now; try again.
        """
        seals = [
            {
                "Update": {
                    "TableName": self._table,
                    "Key": marshal({"pk": key.parts_pk, "sk": f"COUNT#{shard:02d}"}),
                    "UpdateExpression": "SET sealed = :yes",
                    "ExpressionAttributeValues": marshal({":yes": True}),
                }
            }
            for shard in range(SHARDS)
        ]
        write_all(self._client, seals)

    def counts(self, key: ImportKey) -> Counts:
        """Return the sum of a job's counters, read consistently."""
        return self.totals(key)[0]

    def totals(self, key: ImportKey) -> tuple[Counts, Spent]:
        """Return the sum of a job's counters, and what its batches spent; read consistently."""
        counts, spent = Counts(), Spent()
        for item in self._parts(key, "COUNT#"):
            counts += _as_counts(item)
            spent += _as_spent(item)
        return counts, spent

    def markers(self, key: ImportKey) -> Iterator[Marker]:
        """Return a job's markers in the order of its rows, read consistently."""
        return map(_as_marker, self._parts(key, "BATCH#"))

    def _expiry(self) -> int:
        return int(self._now().timestamp()) + LIFETIME_SECONDS

    def _parts(self, key: ImportKey, prefix: str) -> Iterator[Item]:
        return self._under(key.parts_pk, prefix)


def _mapping_key(key: MappingKey) -> Item:
    return {"pk": key.pk, "sk": key.sk}


def _planned_item(planned: Planned) -> list[Any]:
    """Return a planned row as short as possible: a batch has a hundred of them."""
    fields: list[Any] = [str(planned.fate), planned.version]
    if planned.code:
        fields.append(planned.code)
    if planned.reason:
        fields.append(planned.reason)
    if planned.problem is not None:
        fields += [planned.problem.code, planned.problem.reason]
    return fields


def _as_planned(fields: list[Any]) -> Planned:
    fate, version, *texts = fields
    if version:
        return Planned(Fate(fate), version, code="".join(texts))
    if len(texts) > 1:
        return Planned(Fate(fate), problem=Problem(*texts))
    return Planned(Fate(fate), reason="".join(texts))


def _as_plan(item: Item) -> Plan:
    return {int(row): _as_planned(fields) for row, fields in item["rows"].items()}


def _as_counts(item: Item) -> Counts:
    return Counts(**{name: item.get(name, 0) for name in _COUNTED})


def _spent_item(spent: Spent) -> dict[str, int]:
    handlers = {f"{_TOOK}.{name}": took for name, took in spent.handlers.items() if took}
    return {_TOOK: spent.total, **handlers} if spent.total else {}


def _as_spent(item: Item) -> Spent:
    before = f"{_TOOK}."
    handlers = {
        name.removeprefix(before): int(took) for name, took in item.items() if before in name
    }
    return Spent(int(item.get(_TOOK, 0)), handlers)


def _marker_item(key: ImportKey, marker: Marker) -> Item:
    return {
        "pk": key.parts_pk,
        "sk": f"BATCH#{marker.first:09d}",
        "kind": "batch",
        "first": marker.first,
        "last": marker.last,
        "has_errors": marker.has_errors,
        **marker.counts.by_name,
    }


def _as_marker(item: Item) -> Marker:
    return Marker(item["first"], item["last"], _as_counts(item), item["has_errors"])
