"""The consumer of the notification queue: it tells the user's package of each notice."""

from sfn_cqrs import bootstrap
from sfn_cqrs.service import handlers
from sfn_cqrs.service.queue import Delivery, consumer_of


@consumer_of(bootstrap.notifications)
def lambda_handler(delivery: Delivery) -> None:
    """Hand a notice to its handlers."""
    for handler in handlers.notice_handlers(delivery.notice["action"]):
        with bootstrap.tracer().segment(f"notice {handler.__name__}"):
            handler(delivery.notice)
