"""The consumer of the notification queue: tells the event bus and the user's package."""

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.functions.queue import Delivery, consumer_of
from sfn_cqrs.machines.command import handlers


@consumer_of(bootstrap.notifications)
def lambda_handler(delivery: Delivery) -> None:
    """Put a notice on the event bus, if there is one, and hand it to its handlers."""
    if bootstrap.has_event_bus():
        bootstrap.event_bus().put(delivery.notice)
    for handler in handlers.notice_handlers(delivery.notice["action"]):
        with bootstrap.tracer().segment(f"notice {handler.__name__}"):
            handler(delivery.notice)
