"""What a model costs: a publish with one and without, a cold start, and a read of an old version.

Publishes go to tables in memory, in pairs that take turns, so that a busy machine slows both. A
cold start is the CPU time of a new interpreter: with no type that has a model, with one that is
declared, and with its first check.
"""

import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from report import Figure, main

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.models.models import Meta
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs_tools.testing.builders import a_command
from sfn_cqrs_tools.testing.fakes import World

ROOT = Path(__file__).resolve().parents[2]
PAIRS = 2_000
STARTS = 9
READS = 20_000
PUBLISH_MS, START_MS = 0.1, 20.0
"""The most that a model may add."""
_START = """
import json, sys, time
import runpy
runpy.run_path(sys.argv[1])
before = time.process_time()
from dataclasses import dataclass
from typing import Annotated
from sfn_cqrs.kernel.models import models
from sfn_cqrs.machines.command.handlers import command_type

@dataclass(frozen=True)
class Visit:
    patient: str
    minutes: Annotated[int, models.Meta(ge=5, le=240)]

loaded = time.process_time()
command_type("VISIT", model=Visit)
declared = time.process_time()
models.made("VISIT", {"patient": "p-1", "minutes": 30})
print(json.dumps([before, declared - loaded, time.process_time() - declared]))
"""


@dataclass(frozen=True)
class Guest:
    """Somebody who comes along."""

    name: Annotated[str, Meta(min_length=1)]


@dataclass(frozen=True)
class Appointment:
    """What a patient books."""

    patient: Annotated[str, Meta(max_length=40)]
    doctor: str
    starts_at: datetime
    minutes: Annotated[int, Meta(ge=5, le=240)]
    status: Literal["booked", "cancelled", "done"] = "booked"
    price: float = 0
    guests: list[Guest] = field(default_factory=list)


ATTRIBUTES: dict[str, Any] = {
    "patient": "p-1",
    "doctor": "dr-who",
    "starts_at": "2026-11-29T09:00:00Z",
    "minutes": 30,
    "status": "booked",
    "price": 12.5,
    "guests": [{"name": "ada"}, {"name": "bob"}],
}


def measure() -> list[Figure]:
    """Measure everything."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "app"))
    os.environ.setdefault("APP_PACKAGE", "starter")
    handlers.load()
    handlers.command_type("LOOSE")
    handlers.command_type("TYPED", model=Appointment)
    upcast = {1: lambda old: {**old, "status": "booked"}}
    handlers.command_type("OLD", model=Appointment, shape=2, upcast=upcast)
    return [*_publishes(), *_starts(), *_reads()]


def _publishes() -> list[Figure]:
    world = World()
    with bootstrap.override(**world.parts()):
        service = CommandService("tenant1")

        def publish(type_: str, number: int) -> float:
            began = time.perf_counter()
            service.publish(type_, f"i-{number}", name="x", attributes=ATTRIBUTES)
            return (time.perf_counter() - began) * 1000

        publish("TYPED", -1), publish("LOOSE", -1)
        gc.disable()
        pairs = [
            (publish("LOOSE", number), publish("TYPED", number))
            if number % 2
            else tuple(reversed((publish("TYPED", number), publish("LOOSE", number))))
            for number in range(PAIRS)
        ]
        gc.enable()
    without, typed = (statistics.median(column) for column in zip(*pairs, strict=True))
    more = statistics.median(with_ - loose for loose, with_ in pairs)
    return [
        Figure("a publish without a model", without, "ms"),
        Figure("a publish with a model", typed, "ms"),
        Figure("more, median of pairs", more, "ms", PUBLISH_MS),
    ]


def _starts() -> list[Figure]:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'layer'}:{ROOT / 'app'}"}
    function = str(ROOT / "functions/api/handle_request/app.py")
    runs = [
        json.loads(
            subprocess.check_output(
                [sys.executable, "-c", _START, function], env=environment, text=True
            )
        )
        for _ in range(STARTS)
    ]
    start, declaring, first = (min(column) * 1000 for column in zip(*runs, strict=True))
    return [
        Figure("cold start of the API", start, "ms"),
        Figure("more, if a type has a model", declaring, "ms", START_MS),
        Figure("more, with its first check", declaring + first, "ms", START_MS),
    ]


def _reads() -> list[Figure]:
    key = ItemKey("tenant1", "OLD", "i-1")
    of_today = a_command(key, attributes=ATTRIBUTES)
    old = a_command(key, attributes=ATTRIBUTES, shape=1)

    def read(what: Callable[[], object]) -> float:
        began = time.perf_counter()
        for _ in range(READS):
            what()
        return (time.perf_counter() - began) / READS * 1000

    return [
        Figure("attributes of a version of today", read(lambda: of_today.attributes), "ms"),
        Figure("attributes of an old version", read(lambda: old.attributes), "ms"),
        Figure("the model in a handler", read(lambda: of_today.model), "ms"),
    ]


if __name__ == "__main__":
    main("Models", measure)
