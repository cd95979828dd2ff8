"""The consumer of the queue of failures: it sends one message for all of them."""

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.digest import digest_of
from sfn_cqrs.kernel.functions.queue import Notice, consumer_of_batches


@consumer_of_batches(dict)
def lambda_handler(failures: list[Notice]) -> None:
    """Tell what has failed since the last time, by the errors."""
    bootstrap.information().tell(digest_of(failures, bootstrap.stack_name()))
