"""The consumer of the import action queue: it imports single rows.

A row that fails each time its message comes is not left to the dead letters: the last time,
its job ends and says why.
"""

from sfn_cqrs import bootstrap
from sfn_cqrs.domain.keys import ImportKey
from sfn_cqrs.service.imports.single import import_single
from sfn_cqrs.service.queue import Delivery, consumer_of


@consumer_of(bootstrap.import_actions)
def lambda_handler(delivery: Delivery) -> None:
    """Import the row that a message names."""
    key = ImportKey.of_id(delivery.notice["tenantCode"], delivery.notice["id"])
    import_single(key, is_last_try=delivery.is_last)
