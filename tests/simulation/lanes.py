"""A story of both lanes: every version's publisher, lane and bad luck are decided by a seed.

Runs of the express lane are made twice, or are gone in silence; functions are killed, given up
and go on, and meet AWS's bad days; handlers fail, and somebody retries or skips what failed;
every fourth version is applied by its request. Versions of one item are in either lane.
"""

import json
import os
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError
from tests.simulation.chaos import Chaos
from tests.simulation.weather import FAULTS
from tests.support.airports import Airport
from tests.support.calls import AwsCall
from tests.support.fake_system import FakeSystem
from tests.support.system import API, TENANT

from sfn_cqrs.machines.command.process import Process
from sfn_local import Done
from shop.airports import airports_of, by_country, by_icao

DISORDER = {"shuffles": True, "duplicates": 0.1, "replays": 0.2}
COUNTRIES = ("JP", "KR")
ROUNDS = 10
Lanes = Callable[[int, random.Random], str]
"""Whether the stack has the express lane when a version is published."""


def either(_version: int, chance: random.Random) -> str:
    """Every version is in some lane."""
    return chance.choice(("enabled", "enabled", "disabled"))


def upgrade(version: int, _chance: random.Random) -> str:
    """A stack is given the lane while commands run, and later it is taken away again."""
    return "enabled" if version in (2, 3) else "disabled"


class LanesSystem(FakeSystem):
    """A system that remembers which runs of the express lane have asked for a handler."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, disorder=DISORDER, express=0.3)
        self.projected: dict[str, set[str]] = defaultdict(set)

    def submit(self, function: str, payload: bytes, done: Done) -> None:
        execution = json.loads(payload)["context"]["Execution"]
        is_handler = self.lambdas.find(function).logical_id == "CommandSyncDataFunction"
        if is_handler and ":express:" in execution["Id"]:
            self.projected[execution["Name"]].add(execution["Id"])
        super().submit(function, payload, done)


class Story:
    """One system, some items, and what becomes of their versions."""

    def __init__(self, seed: int, *, items: int = 2, versions: int = 3, lanes: Lanes = either):
        self.system = LanesSystem(seed)
        self.chance = random.Random(seed)
        self.airports = [Airport(self.system, f"P{number}") for number in range(items)]
        self.lanes_seen: Counter[str] = Counter()
        self._versions = versions
        self._lanes = lanes
        self._chaos = Chaos(self.chance, kills=0.01, failures=0.02, hiccups=0.02, zombies=0.03)

    def play(self) -> None:
        """Publish everything, let it run, and heal what failed.

        Raises:
            AssertionError: it does not heal.
        """
        self._break()
        for airport in self.airports:
            self.system.spawn(partial(self._publish_all, airport))
        self.system.run()
        self._heal()
        self._mend()
        self._heal()

    def assert_holds(self) -> None:
        """Every chain is closed, in order; each effect is there once; nothing is parked.

        Of an attempt in the express lane, one run has come as far as the handlers.
        """
        assert max(map(len, self.system.projected.values()), default=1) == 1
        counted: Counter[str] = Counter()
        for airport in self.airports:
            processes = self._processes(airport)
            applied = [each for each in processes if each.outcome == "APPLIED"]
            closed = [each.updated_at for each in applied]
            assert [str(each.outcome) for each in processes if each not in applied] == [
                "SKIPPED"
            ] * (len(processes) - len(applied))
            assert closed == sorted(closed)
            self._assert_effects(airport, [each.version for each in applied])
            row = by_country().get(TENANT, "counted", airport.code)
            counted.update([str(row["country"])] if row else [])
        countries = airports_of(TENANT)
        assert {country: count for country, count in countries.items() if count} == counted
        assert [each for each in self.system.executions() if each["status"] == "RUNNING"] == []

    def _assert_effects(self, airport: Airport, applied: list[int]) -> None:
        """What is applied shows, and every earlier state is kept once; a skipped one may be."""
        history = [version for version, _ in airport.history()]
        assert history == sorted(set(history))
        assert set(applied[:-1]) <= set(history)
        for version, name in airport.history():
            assert name == airport.names[version - 1]
        last = max(applied, default=0)
        row = self.system.world.data.find(airport.key)
        views = [
            view.get(TENANT, sort, airport.code)
            for view, sort in ((by_country(), "counted"), (by_icao(), "airports"))
        ]
        shown = [row.version if row else 0, *(view["version"] if view else 0 for view in views)]
        assert all(version >= last for version in shown)
        assert all(version == last or version not in applied for version in shown)

    # What happens.

    def _publish_all(self, airport: Airport) -> None:
        for version in range(1, self._versions + 1):
            os.environ["EXPRESS_LANE"] = self._lanes(version, self.chance)
            mode = {"mode": "sync"} if self.chance.random() < 0.25 else {}
            self._publish(airport, f"name {version}", mode)

    def _publish(self, airport: Airport, name: str, mode: dict[str, str]) -> None:
        attributes = {"country": self.chance.choice(COUNTRIES), "city": name}
        body = {"type": "AIRPORT", "code": airport.code, "name": name, "version": airport.last}
        body |= {"attributes": attributes}
        key = f"{airport.code}-{name}"
        status, answer = self.system.api("POST", "/commands", {**body, **mode}, key=key)
        if (status, answer.get("code")) == (409, "chain_busy"):  # so the machine has to do it
            status, answer = self.system.api("POST", "/commands", body, key=f"{key}-again")
        assert status in (200, 202), answer
        airport.names.append(name)
        found = self.system.process(airport.key, airport.last)
        self.lanes_seen[f"{found.lane} {found.mode}"] += 1

    def _heal(self) -> None:
        for _ in range(ROUNDS):
            self.system.settle(sweeps=10)
            failed = [one for one in self.system.processes() if one.outcome == "FAILED"]
            if not failed:
                return
            for process in failed:
                what = self.chance.choice(("retry", "retry", "skip"))
                key = process.key
                route = f"/commands/{key.type}/{key.code}/{process.version}/{what}"
                assert self.system.api("POST", route)[0] in (200, 202, 409)
        raise AssertionError(f"not healed after {ROUNDS} rounds")

    def _processes(self, airport: Airport) -> list[Process]:
        return [self.system.process(airport.key, each + 1) for each in range(airport.last)]

    # Bad luck.

    def _break(self) -> None:
        self.system.calls.observers += [self._chaos.observe, self._storm]
        self.system.gives_up = self._chaos.gives_up
        self.system.dies = lambda: self.chance.random() < 0.02

    def _mend(self) -> None:
        self.system.calls.observers.remove(self._chaos.observe)
        self.system.calls.observers.remove(self._storm)
        self.system.gives_up = self.system.dies = lambda: False

    def _storm(self, call: AwsCall, moment: str) -> None:
        """Let a call meet a fault of AWS.

        Raises:
            ClientError, BotoCoreError: what it meets.
        """
        if call.function == API or self.chance.random() >= 0.01:
            return
        fault = self.chance.choice([fault for fault in FAULTS if fault.moment == moment])
        error = fault.of(call)
        assert isinstance(error, ClientError | BotoCoreError)
        raise error
