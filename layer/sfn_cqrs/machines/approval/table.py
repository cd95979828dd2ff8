"""The approvals table, which people also list by status."""

from typing import Any

from sfn_cqrs.kernel.keys import ApprovalKey
from sfn_cqrs.kernel.tables.dynamodb import batch_get, marshal, unmarshal
from sfn_cqrs.kernel.tables.paging import Page, Range, page_of
from sfn_cqrs.kernel.tables.records import Records
from sfn_cqrs.machines.approval.items import APPROVALS, tenant_status
from sfn_cqrs.machines.approval.rules import Approval, Status


class ApprovalTable(Records[Approval]):
    """The approvals."""

    def page_of_status(
        self, tenant: str, status: Status, limit: int, cursor: str | None
    ) -> Page[Approval]:
        """Return a page of the approvals with a status, the newest first.

        The index is eventually consistent, so each approval is read again. It is left out if its
        status has changed.

        Raises:
            InvalidInputError: the limit or the cursor is not valid for this list.
        """
        under = ApprovalKey(tenant, "")
        wanted = Range([under.pk], under.sk, limit, cursor)
        index, sk = tenant_status(tenant, status), wanted.start_sk()
        last = marshal({"pk": under.pk, "sk": sk, "tenant_status": index})
        start: dict[str, Any] = {"ExclusiveStartKey": last} if sk else {}
        answer = self._client.query(
            TableName=self._table,
            IndexName="status",
            KeyConditionExpression="tenant_status = :status",
            ExpressionAttributeValues=marshal({":status": index}),
            ScanIndexForward=False,
            Limit=limit + 1,
            **start,
        )
        sks = [unmarshal(keys)["sk"] for keys in answer["Items"]]
        read = batch_get(self._client, self._table, {(under.pk, sk) for sk in sks})
        found = {sk: unmarshal(item) for (_, sk), item in read.items()}
        listed = (found.get(sk, {"sk": sk}) for sk in sks)  # deleted ones keep their place
        page = page_of(listed, wanted)
        approvals = [APPROVALS.record(item) for item in page.items if item["sk"] in found]
        return Page([one for one in approvals if one.status is status], page.next_cursor)
