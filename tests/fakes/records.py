from itertools import count
from typing import Any, TypeVar

from sfn_cqrs.adapters.approval_items import APPROVALS
from sfn_cqrs.adapters.approval_table import ApprovalTable
from sfn_cqrs.adapters.dynamodb import marshal
from sfn_cqrs.adapters.records import Kind, Records
from sfn_cqrs.adapters.request_table import RequestTable
from sfn_cqrs.adapters.saga_items import SAGAS
from sfn_cqrs.domain.approval import Approval
from sfn_cqrs.domain.clock import Now
from sfn_cqrs.domain.keys import ApprovalKey, SagaKey
from sfn_cqrs.domain.records import Record, RecordKey
from sfn_cqrs.domain.saga import Saga

R = TypeVar("R", bound=Record)
_numbers = count(1)
TABLES = {"approvals": "ApprovalsTable", "sagas": "SagasTable"}


class KeepsRecords:
    """What a world has to do with records; they are the real ones, over whichever client."""

    dynamodb: Any
    requests: RequestTable
    clock: Now

    def records(self, kind: Kind[R], client: Any = None) -> Records[R]:
        return Records(
            client or self.dynamodb,
            TABLES[kind.name],
            kind,
            requests=self.requests,
            now=self.clock,
        )

    def approval_table(self) -> ApprovalTable:
        table = TABLES["approvals"]
        return ApprovalTable(self.dynamodb, table, requests=self.requests, now=self.clock)

    def seed_approvals(self, *approvals: Approval) -> None:
        """Put approvals in their places, whatever their states."""
        self._seed(APPROVALS, *approvals)

    def stored_approval(self, key: ApprovalKey) -> tuple[Approval | None, bool]:
        """An approval, and whether the index lists it."""
        return self._stored(APPROVALS, key)

    def seed_sagas(self, *sagas: Saga) -> None:
        """Put sagas in their places, whatever their states."""
        self._seed(SAGAS, *sagas)

    def stored_saga(self, key: SagaKey) -> tuple[Saga | None, bool]:
        """A saga, and whether the index lists it."""
        return self._stored(SAGAS, key)

    def _seed(self, kind: Kind[R], *records: R) -> None:
        for record in records:
            item = kind.stored(record, f"seeded-{next(_numbers)}")
            self.dynamodb.put_item(TableName=TABLES[kind.name], Item=item)

    def _stored(self, kind: Kind[R], key: RecordKey) -> tuple[R | None, bool]:
        keys = marshal({"pk": key.pk, "sk": key.sk})
        item = self.dynamodb.get_item(TableName=TABLES[kind.name], Key=keys, ConsistentRead=True)
        if "Item" not in item:
            return None, False
        return kind.read(item["Item"]), "open_shard" in item["Item"]
