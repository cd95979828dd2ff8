"""Machines with a Distributed Map, on S3 in a dictionary."""

import json
from collections.abc import Callable
from typing import Any

from engine.tests.s3 import BUCKET, FakeServices

from sfn_local import Engine, InlineFunctions, VirtualClock

GET_OBJECT = "arn:aws:states:::s3:getObject"
LIST_OBJECTS = "arn:aws:states:::s3:listObjectsV2"
PUT_OBJECT = "arn:aws:states:::s3:putObject"

ECHO = {"Type": "Pass", "End": True}
CALL = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:0:function:f", "End": True}


class MapLab:
    """An engine with one function `f` and a bucket."""

    def __init__(self) -> None:
        self.services = FakeServices()
        self.s3 = self.services.s3
        self.function: Callable[[Any], Any] = lambda item: item
        self.clock = VirtualClock()
        self.engine = Engine(
            functions=InlineFunctions(self._call), clock=self.clock, services=self.services
        )
        self.payloads: list[Any] = []
        self.machine = ""
        self.arn = ""

    def _call(self, _name: str, payload: bytes) -> bytes:
        self.payloads.append(json.loads(payload))
        return json.dumps(self.function(self.payloads[-1])).encode()

    def start(self, data: Any = None, **fields: Any) -> None:
        """Start a machine with one Map state `it`."""
        states = {"it": {**distributed(**fields), "End": True}}
        self.start_machine({"StartAt": "it", "States": states}, data)

    def start_machine(self, definition: dict[str, Any], data: Any = None) -> None:
        """Start a machine and run what needs no time to pass."""
        self.machine = self.engine.create_state_machine("m", definition)
        self.arn = self.engine.start_execution(self.machine, "x", json.dumps(data))
        self.engine.run_until_idle()

    def run(self, data: Any = None, **fields: Any) -> Any:
        """Run such a machine to its end; its output."""
        self.start(data, **fields)
        self.engine.run_until(self.arn)
        output = self.execution.get("output")
        return None if output is None else json.loads(output)

    def read(self, content: bytes | str, **config: Any) -> Any:
        """The items that a reader makes of an object."""
        key = config.pop("key", "file")
        self.s3.objects[key] = content.encode() if isinstance(content, str) else content
        return self.run(ItemReader=reader(key, **config))

    @property
    def execution(self) -> dict[str, Any]:
        return self.engine.describe_execution(self.arn)

    @property
    def failure(self) -> tuple[str | None, str | None]:
        return self.execution.get("error"), self.execution.get("cause")

    @property
    def chain(self) -> list[tuple[int, int, str]]:
        events = self.engine.history(self.arn)
        return [(event["id"], event["previousEventId"], event["type"]) for event in events]

    @property
    def map_run(self) -> dict[str, Any]:
        """The newest Map Run."""
        newest = self.engine.list_map_runs(self.arn)[0]
        return self.engine.describe_map_run(newest["mapRunArn"])

    def results(self, group: str, ending: str = "json") -> Any:
        """The content of a group's first result file."""
        (key,) = (key for key in self.s3.objects if key.endswith(f"/{group}_0.{ending}"))
        return self.s3.objects[key].decode()


def distributed(
    processor: dict[str, Any] | None = None, execution_type: str = "STANDARD", **fields: Any
) -> dict[str, Any]:
    """A Map state whose processor is one state."""
    config = {"Mode": "DISTRIBUTED", "ExecutionType": execution_type}
    states = {"each": processor or ECHO}
    inner = {"ProcessorConfig": config, "StartAt": "each", "States": states}
    return {"Type": "Map", "ItemProcessor": inner, **fields}


def reader(key: str = "file", **config: Any) -> dict[str, Any]:
    """An ItemReader of one object."""
    parameters = {"Bucket": BUCKET, "Key": key, **config.pop("parameters", {})}
    return {"Resource": GET_OBJECT, "ReaderConfig": config, "Parameters": parameters}


def writer(**fields: Any) -> dict[str, Any]:
    """A ResultWriter to the folder `out`."""
    parameters = {"Bucket": BUCKET, "Prefix": "out"}
    return {"Resource": PUT_OBJECT, "Parameters": parameters, **fields}
