"""The consumer of the notification queue: tells the event bus and the user's package."""

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import NoticeLoopError
from sfn_cqrs.kernel.functions.queue import Delivery, consumer_of
from sfn_cqrs.kernel.notices import alarm_about, at_depth
from sfn_cqrs.machines.command import handlers


@consumer_of(lambda: bootstrap.notifications())
def lambda_handler(delivery: Delivery) -> None:
    """Put a notice on the event bus, if there is one, and hand it to its handlers.

    Raises:
        NoticeLoopError: it is too deep; people are told once, and it goes to the dead letters.
    """
    notice = delivery.notice
    if bootstrap.has_event_bus():
        bootstrap.event_bus().put(notice)
    deep = notice.get("depth", 0)
    try:
        told = handlers.notice_handlers(notice["action"], deep)
    except NoticeLoopError as error:
        if delivery.is_first:
            bootstrap.failures().publish([alarm_about(notice, error)])
        raise
    with at_depth(deep + 1):
        for handler in told:
            with bootstrap.tracer().segment(f"notice {handler.__name__}"):
                handler(notice)
