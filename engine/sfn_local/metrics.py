"""Metrics of executions and Map Runs, put to CloudWatch each minute.

Source: Step Functions Developer Guide, "Monitoring Step Functions metrics using Amazon
CloudWatch". AWS keeps the namespace AWS/States to itself, so this is for an emulator.
"""

import logging
import threading
from typing import Any

from sfn_local.calls.services import Services
from sfn_local.engine import Engine

PERIOD = 60.0
MOST_DATA = 1000  # of one PutMetricData

logger = logging.getLogger(__name__)


class MetricsSender:
    """Puts an engine's metrics each minute, on a thread of its own; a failure is logged.

    The engine does not wait for it. Metrics that cannot be put are lost, as AWS's own delivery is
    best effort.
    """

    def __init__(self, engine: Engine, services: Services) -> None:
        """Count from now on."""
        self._engine = engine
        self._services = services
        self._measured = engine.measure()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Put the last metrics, and end."""
        self._ended.set()
        self._thread.join(PERIOD)

    def send(self) -> None:
        """Put what was counted since the last time, and what is open now."""
        given = self._engine.metrics(self._measured, anew=True)
        data: list[Any] = given["MetricData"]
        client = self._services.client("cloudwatch")
        for start in range(0, len(data), MOST_DATA):
            part = data[start : start + MOST_DATA]
            client.put_metric_data(Namespace=given["Namespace"], MetricData=part)

    def _work(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._ended.wait(PERIOD)
            try:
                self.send()
            except Exception as error:  # a client may raise anything, and a minute later it may do
                logger.warning("the metrics of a minute are lost: %s", error)
