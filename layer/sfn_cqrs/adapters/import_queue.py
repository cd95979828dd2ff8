"""The imports that have a place and those that wait, as one item of the import table."""

from typing import Final

from sfn_cqrs.adapters.codec import Codec
from sfn_cqrs.adapters.records import Kind
from sfn_cqrs.domain.import_queue import ImportQueue
from sfn_cqrs.domain.keys import QueueKey

_KEY: Final = Codec(QueueKey, names={"what": "sk"}, also={"pk": "pk"})
_QUEUE: Final = Codec(ImportQueue, kind="queue", inside={"key": _KEY})

IMPORT_QUEUE = Kind(_QUEUE)
