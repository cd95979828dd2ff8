"""The settings of a local stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sfn_cqrs_tools.runtime.fabric import Fabric
from sfn_cqrs_tools.runtime.listening import Ports
from sfn_cqrs_tools.runtime.recorder import Recorder
from sfn_cqrs_tools.runtime.template import DEFAULT_STACK


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a stack is made of, where it keeps what it has, and what it does as it runs."""

    name: str = DEFAULT_STACK
    template: Path | str | None = None
    """None: the project's."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Of the template, by name; the others have their defaults."""
    state_dir: Path | str | None = None
    """None: the project's."""
    data_dir: Path | str | None = None
    """Where it goes on from, if a stack ended there or was killed; None: all is in memory."""
    fresh: bool = False
    """Whether it forgets what `data_dir` has, and begins anew."""
    ports: Ports = field(default_factory=Ports)
    hosts: Sequence[str] = ()
    """It answers to these beside 127.0.0.1, and listens on those that are addresses."""
    fabric: Fabric | None = None
    """None: ministack."""
    reload: bool = True
    """Whether it takes what is saved."""
    isolated: bool = False
    """Whether each function has processes of its own."""
    schedules: bool = True
    """Whether the template's schedules run."""
    recorder: Recorder | None = None
    """Counts invocations and AWS calls."""
    window_seconds: float | None = None
    """No stream waits longer for a batch, whatever the template says."""
    weather: tuple[float, int] | None = None
    """The share of calls, invocations and answers that fail, and its seed."""
    postgres: bool = True
    """Whether a PostgreSQL runs if the user's package has migrations for one."""
    live: bool = True
    """Whether notices reach the clients of a twin of AppSync Events, if the template has one."""
    express_repeats: float = 0.0
    """The share of EXPRESS executions that run twice, as AWS's may."""
    traces: bool = False
    """Whether it keeps what X-Ray would of each request."""
    iam: bool = True
    """Whether each function may do what its role in the template allows, and no more."""
    versions: Path | None = None
    """A folder of what is published, for a deploy over another stack."""
