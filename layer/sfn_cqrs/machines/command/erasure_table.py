"""Erasures, each the tombstone of one person, in the commands table."""

from collections.abc import Iterable
from typing import Final

from sfn_cqrs.kernel.erasure import Erasure
from sfn_cqrs.kernel.keys import ErasureKey
from sfn_cqrs.kernel.tables.codec import CREATED, WHERE, Codec
from sfn_cqrs.kernel.tables.dynamodb import batch_get, unmarshal
from sfn_cqrs.kernel.tables.records import Kind, Records
from sfn_cqrs.machines.command.process_table import FAILED_SHARDS

_ERASURE: Final = Codec(
    Erasure,
    kind="erasure",
    inside={"key": Codec(ErasureKey, also=WHERE), "created": CREATED},
    also={"opened_at": "opened_at"},
)
ERASURES: Final = Kind(
    _ERASURE,
    is_open=lambda erasure: erasure.status.is_open,
    shards=1,
    first_shard=FAILED_SHARDS.stop,
)


class ErasureTable(Records[Erasure]):
    """The erasures of all tenants."""

    def among(self, keys: Iterable[ErasureKey]) -> set[ErasureKey]:
        """Return the people among these who are erased, read consistently."""
        wanted = {(key.pk, key.sk): key for key in keys}
        found = batch_get(self._client, self._table, wanted)
        return {
            wanted[place]
            for place, item in found.items()
            if ERASURES.record(unmarshal(item)).status.holds
        }

    def open(self) -> list[Erasure]:
        """Return the erasures of all tenants that have work left, the oldest first."""
        return [one for one in self.every_opened(0, "9", 100) if one.status.is_open]
