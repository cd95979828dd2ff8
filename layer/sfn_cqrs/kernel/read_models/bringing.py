"""How a version is brought to the read models of a handler, while one of them is rebuilt.

A version is written to the data first, and brought to the read models after that. So whoever
looks up the generations afterwards either knows of the next one, or has written the data before
the replay begins, which then finds it.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

from sfn_cqrs.kernel.read_models.rules import View


@dataclass(frozen=True, slots=True)
class FindServing:
    """The read models that a handler writes, as known for at most 30 seconds: list of View."""


@dataclass(frozen=True, slots=True)
class Run:
    """Run the handler on the version, with these generations: by the read model's name."""

    generations: Mapping[str, int]


Call = FindServing | Run


def bring() -> Generator[Call, Any, None]:
    """Bring a version to a handler's read models: to those that serve, then to the next ones.

    A failure of either is the version's own, which is tried again for both.
    """
    views: list[View] = yield FindServing()
    yield Run({view.key.view: view.serving for view in views})
    doubled = {view.key.view: view.doubled for view in views if view.doubled is not None}
    if doubled:
        yield Run({view.key.view: view.serving for view in views} | doubled)
