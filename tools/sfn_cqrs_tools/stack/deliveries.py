"""Delivers to functions what the fabric has for them: records of streams, messages and events."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from sfn_cqrs_tools.runtime.fabric import Fabric
from sfn_cqrs_tools.runtime.lambdas import Functions
from sfn_cqrs_tools.runtime.streams import Checkpoints, StreamMapping, StreamSettings
from sfn_cqrs_tools.runtime.template import Function
from sfn_local import FunctionError

logger = logging.getLogger(__name__)


class Deliveries:
    """The mappings of a stack's streams, and the way of everything else; begun as it deploys."""

    def __init__(self, functions: Functions, client: Callable[[str], Any]) -> None:
        """Deliver to functions; the client of a service sends what they do not take."""
        self._functions = functions
        self._client = client
        self._streams: dict[tuple[str, str], StreamMapping] = {}

    @contextmanager
    def begun(
        self, streams: Sequence[StreamSettings], longest: float | None, kept: Fabric | None
    ) -> Iterator[None]:
        """Deliver streams; no batch waits `longest`, and a fabric keeps how far they are."""
        mappings: dict[str, StreamMapping] = {}
        with ExitStack() as begun:
            for deployed in streams:
                window = deployed.window_seconds
                shorter = window if longest is None else min(window, longest)
                settings = replace(deployed, window_seconds=shorter)
                mapping = StreamMapping(
                    settings,
                    partial(self._functions.deliver, settings.function_arn),
                    partial(self._give_up, settings),
                )
                mapping.start()
                begun.callback(mapping.close)
                self._streams[settings.stream_arn, settings.function_arn] = mapping
                mappings[settings.mapping] = mapping
            if kept is not None:
                checkpoints = Checkpoints(mappings, kept.streams)
                checkpoints.start()
                begun.callback(checkpoints.close)
            yield

    def close(self) -> None:
        """Deliver no more records."""
        for mapping in self._streams.values():
            mapping.close()

    def stream_of(self, arn: str) -> StreamMapping:
        """Return what delivers a stream to a function."""
        return next(mapping for (_, to), mapping in self._streams.items() if to == arn)

    def take(self, function: Function, payload: bytes) -> bytes:
        """Take an event that the fabric has for a function; the answer goes back to the fabric."""
        self._functions.wait_until_ready()
        event = json.loads(payload)
        records = event.get("Records") if isinstance(event, dict) else None
        if records and records[0].get("eventSource") == "aws:dynamodb":
            stream = records[0]["eventSourceARN"]
            mapping = self._streams.get((stream, function.arn))
            if mapping is None:
                raise FunctionError("NotReady", json.dumps({"errorMessage": "still starting"}))
            mapping.offer(records)
            return b"null"
        if records and records[0].get("eventSource") == "aws:sqs":
            return self._functions.invoke_by_poller(function.target, payload)
        if isinstance(event, dict) and "detail-type" in event:
            self._functions.invoke_async(function.target, payload)
            return b"null"
        return self._functions.invoke(function.target, payload)

    def _give_up(self, settings: StreamSettings, notice: str) -> None:
        """Send Lambda's notice of discarded records to the mapping's OnFailure queue."""
        logger.error("records of %s are given up: %s", settings.stream_arn, notice)
        if settings.on_failure is not None:
            sqs = self._client("sqs")
            queue = settings.on_failure.rpartition(":")[2]
            url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            sqs.send_message(QueueUrl=url, MessageBody=notice)
