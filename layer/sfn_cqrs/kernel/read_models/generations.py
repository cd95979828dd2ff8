"""The generations of read models that are read and written now.

Generations are cached for some seconds. A rebuild waits until every cache has the change that it
relies on. While a handler runs, the generations that it writes are set by name.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from sfn_cqrs.kernel.clock import Now
from sfn_cqrs.kernel.read_models.rules import FIRST_GENERATION, View, ViewKey
from sfn_cqrs.kernel.tables.records import Records


@dataclass(slots=True)
class Writing:
    """The generations that a handler writes, by read model, and its counts of guarded writes."""

    tenant: str
    generations: Mapping[str, int]
    put: int = 0
    refused: int = 0
    lock: Lock = field(default_factory=Lock)

    def count(self, put: int, refused: int) -> None:
        """Count the results of guarded writes."""
        with self.lock:
            self.put += put
            self.refused += refused


_writing: ContextVar[Writing | None] = ContextVar("writing", default=None)


def count_writes(put: int, refused: int) -> None:
    """Count guarded writes that succeeded, and those that found that version already stored."""
    writing = _writing.get()
    if writing is not None:
        writing.count(put, refused)


class Generations:
    """The generations of all read models, by tenant."""

    def __init__(self, views: "Records[View]", known_for: timedelta, now: Now) -> None:
        """Cache what is read for this time."""
        self._views = views
        self._known_for = known_for
        self._now = now
        self._known: dict[str, tuple[datetime, dict[str, View]]] = {}

    @property
    def patience(self) -> int:
        """Return the seconds after which every function knows of a change."""
        return 2 * int(self._known_for.total_seconds())

    def of(self, tenant: str, view: str) -> int:
        """Return the generation to read or to write."""
        writing = _writing.get()
        if writing is not None and writing.tenant == tenant and view in writing.generations:
            return writing.generations[view]
        found = self.known(tenant).get(view)
        return found.serving if found else FIRST_GENERATION

    def known(self, tenant: str) -> dict[str, View]:
        """Return a tenant's read models that were ever rebuilt, by name, from the cache."""
        read_at, views = self._known.get(tenant, (None, {}))
        now = self._now()
        if read_at is None or not timedelta() <= now - read_at < self._known_for:
            views = {view.key.view: view for view in self.all(tenant)}
            self._known[tenant] = now, views
        return views

    def all(self, tenant: str) -> list[View]:
        """Return a tenant's read models that were ever rebuilt, read consistently."""
        return list(self._views.all(ViewKey(tenant, "")))

    @contextmanager
    def writing(self, tenant: str, generations: Mapping[str, int]) -> Iterator[Writing]:
        """Direct writes in the block to these generations, in this thread and those it starts.

        Threads that the block starts must get its context, as `at_once` gives it.
        """
        writing = Writing(tenant, generations)
        token = _writing.set(writing)
        try:
            yield writing
        finally:
            _writing.reset(token)
