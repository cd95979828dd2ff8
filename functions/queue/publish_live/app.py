"""The consumer of the queue of live updates: it publishes notices to the channels of AppSync."""

from sfn_cqrs import bootstrap
from sfn_cqrs.care.live.channels import LiveEvent, live_event
from sfn_cqrs.kernel.functions.queue import consumer_of_batches


@consumer_of_batches(live_event)
def lambda_handler(events: list[LiveEvent]) -> None:
    """Publish what has happened; a batch that is not taken comes again as a whole."""
    bootstrap.live_events().publish(events)
