"""The consumer of the import action queue: it imports single rows.

A row that fails each time its message comes is not left to the dead letters: the last time,
its job ends and says why.
"""

from sfn_cqrs.domain.keys import ImportKey
from sfn_cqrs.service.imports.single import import_single
from sfn_cqrs.service.queue import Delivery, queue_consumer

RECEIVES = 6
"""As often a message comes before it goes to the dead letters."""


@queue_consumer
def lambda_handler(delivery: Delivery) -> None:
    """Import the row that a message names."""
    key = ImportKey.of_id(delivery.notice["tenantCode"], delivery.notice["id"])
    import_single(key, is_last_try=delivery.receives >= RECEIVES)
