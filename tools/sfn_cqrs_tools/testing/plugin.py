"""pytest fixtures for a project.

They are `world`, `check_repeats`, `simulate`, `run_saga`, `sample`, `lambda_context`, `log` and
`quick_stack`.

`run_machine` comes from sfn-local's own plugin. pytest loads both plugins automatically.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sfn_cqrs_tools.stack.local_stack import LocalStack
    from sfn_cqrs_tools.testing.fakes import World
    from sfn_cqrs_tools.testing.sagas import SagaRun
    from sfn_cqrs_tools.testing.simulation import Simulated

__all__ = [
    "LambdaContext",
    "check_repeats",
    "lambda_context",
    "log",
    "make_world",
    "quick_stack",
    "run_saga",
    "sample",
    "simulate",
    "world",
]


@dataclass
class LambdaContext:
    """A Lambda context with some time left."""

    remaining_ms: int = 300_000

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left."""
        return self.remaining_ms


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Give each test of a project the environment that the project's functions have."""
    variables = _variables(request.config.rootpath)
    if not variables:
        return
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def make_world() -> Iterator[Callable[..., World]]:
    """Return a function that makes worlds; retentions and budgets are its options."""
    from sfn_cqrs import bootstrap  # noqa: PLC0415 - a test run without a world is spared it
    from sfn_cqrs_tools.testing.fakes import World  # noqa: PLC0415

    with ExitStack() as stack:

        def make(**options: Any) -> World:
            world = World(**options)
            stack.enter_context(bootstrap.override(**world.parts()))
            return world

        yield make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """Return every table, bucket, queue and topic in memory, instead of AWS's."""
    return make_world()


@pytest.fixture
def check_repeats(world: World) -> Callable[..., None]:
    """Return what brings versions to a handler twice and late, and compares all rows.

    `check_repeats(handler, [version_1, version_2])`
    """
    from sfn_cqrs_tools.testing.repeats import check_repeats as check  # noqa: PLC0415

    return partial(check, world)


@pytest.fixture
def simulate() -> Callable[..., Simulated]:
    """Return what runs your functions under many schedules, and tells the shortest that fails.

    `simulate(handler)`, `simulate(saga)`, or `simulate()` for all that the package registers.
    """
    from sfn_cqrs_tools.testing.simulation.simulating import simulate as run  # noqa: PLC0415

    return run


@pytest.fixture
def run_saga(world: World) -> Callable[..., SagaRun]:
    """Return what runs a declared saga in milliseconds, with steps that fail and leaps of time.

    `run_saga(courier, {"code": "p-1"}, fail={"book": 2}, leap=timedelta(days=1))`
    """
    from sfn_cqrs_tools.testing.sagas import run_saga as run  # noqa: PLC0415

    return partial(run, world)


@pytest.fixture
def sample(request: pytest.FixtureRequest) -> Callable[[str], Any]:
    """Return a reader of the project's sample events: `sample("order_saga/charge")`."""
    events = request.config.rootpath / "events"
    return lambda name: json.loads((events / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def lambda_context() -> LambdaContext:
    """Return the context of a function that may run for 300 seconds."""
    return LambdaContext()


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """Return the functions' log, as text."""
    from sfn_cqrs.kernel.functions.logs import logger  # noqa: PLC0415 - few tests look at the log

    text = StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", text)
    return text


@pytest.fixture(scope="session")
def quick_stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., LocalStack]:
    """Return a maker of local stacks of the project's template; each is a context manager.

    Each has a folder of its own, so it runs beside `sfn-cqrs up`. Its schedules are off, and it
    reloads nothing. PostgreSQL and live updates are optional:
    `quick_stack(postgres=True, live=True)`.
    """
    from sfn_cqrs_tools.testing.quick_stack import quick_stack as make  # noqa: PLC0415

    template = request.config.rootpath / "template.yaml"

    def made(**options: Any) -> LocalStack:
        own = {"template": template, "state_dir": tmp_path_factory.mktemp("state")}
        return make(**{**own, **options})

    return made


@cache
def _variables(root: Path) -> Mapping[str, str]:
    """Return the environment of a project's functions; empty if the root is not a project."""
    from sfn_cqrs_tools.stack.framework import bring_up_to_date, is_nested  # noqa: PLC0415
    from sfn_cqrs_tools.stack.project_template import load_template  # noqa: PLC0415

    if not is_nested(root):
        return {}
    bring_up_to_date(root)
    return load_template(root / "template.yaml").environment
