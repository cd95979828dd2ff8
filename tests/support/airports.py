"""An airport whose versions are published, and what must be seen of it at the end."""

from dataclasses import dataclass, field
from typing import Any

from tests.support.system import TENANT, System

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.command import DataRow
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.tables.paging import MAX_LIMIT
from sfn_local import FunctionError
from shop.airports import by_country, by_icao

TRIES = 4


@dataclass
class Airport:
    """One airport; `names` are those of its versions, the first version's first."""

    system: System
    code: str = "NRT"
    names: list[str] = field(default_factory=list)

    @classmethod
    def stored(cls, system: System, code: str) -> "Airport":
        """An airport as it has been published by whomever."""
        airport = cls(system, code)
        while (command := bootstrap.commands().find(airport.key, airport.last + 1)) is not None:
            airport.names.append(command.name)
        return airport

    @property
    def key(self) -> ItemKey:
        return ItemKey(TENANT, "AIRPORT", self.code)

    @property
    def last(self) -> int:
        return len(self.names)

    def publish(self, name: str, **fields: Any) -> dict[str, Any]:
        """Publish the next version over HTTP, again with the same key while nothing answers."""
        body = {
            "type": "AIRPORT",
            "code": self.code,
            "name": name,
            "version": self.last,
            "attributes": {"country": "JP", "city": name},
            **fields,
        }
        self.names.append(name)
        status, answer = self._answered("POST", "/commands", body)
        assert status in (200, 202), answer
        assert answer["version"] == self.last
        return answer

    def operate(self, version: int, what: str) -> int:
        """Retry or skip over HTTP; the answer's status."""
        return self._answered("POST", f"/commands/AIRPORT/{self.code}/{version}/{what}", None)[0]

    def outcomes(self) -> list[str]:
        return [str(self.system.process(self.key, each).outcome) for each in self._versions()]

    def row(self) -> DataRow:
        row = bootstrap.data().find(self.key)
        assert row is not None
        return row

    def history(self) -> list[tuple[int, str]]:
        """The earlier states, the oldest first."""
        rows = bootstrap.history().page(self.key, MAX_LIMIT, None).items
        return [(row.version, row.name) for row in reversed(rows)]

    def assert_complete(self) -> None:
        """All versions are applied in order, and all that is derived from them is up to date."""
        closed_at = [self.system.process(self.key, each).updated_at for each in self._versions()]
        assert self.outcomes() == ["APPLIED"] * self.last
        assert closed_at == sorted(closed_at)
        self.assert_shows_the_last()
        assert self.history() == list(enumerate(self.names[:-1], start=1))

    def assert_shows_the_last(self) -> None:
        """The data row and both read models are at the last version."""
        row = self.row()
        assert (row.version, row.name) == (self.last, self.names[-1])
        counted = by_country().get(TENANT, "counted", self.code)
        listed = by_icao().get(TENANT, "airports", self.code)
        assert counted is not None
        assert listed is not None
        assert (counted["version"], counted["name"]) == (self.last, self.names[-1])
        assert (listed["version"], listed["name"]) == (self.last, self.names[-1])

    def _versions(self) -> range:
        return range(1, self.last + 1)

    def _answered(
        self, method: str, path: str, body: dict[str, Any] | None
    ) -> tuple[int, dict[str, Any]]:
        for _ in range(TRIES):
            try:
                return self.system.api(method, path, body, key=f"{self.code}-{self.last}")
            except FunctionError:
                continue
        raise AssertionError(f"{method} {path} is not answered")


def two_versions(system: System) -> Airport:
    """An airport whose second version is published right behind its first."""
    airport = Airport(system)
    airport.publish("Narita")
    airport.publish("Narita International")
    return airport
