"""A field is renamed over live data: old and new versions side by side, read by everybody."""

from dataclasses import dataclass

import pytest
from tests.support.orders import an_approval
from tests.support.proof import without
from tests.support.rebuilding import OPERATOR, VIEW
from tests.support.typed import declaring

from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.kernel.tables.paging import every
from sfn_cqrs.machines.approval.effects import publish_decided
from sfn_cqrs.machines.approval.rules import Pinned, Status
from sfn_cqrs.machines.approval.types import Decided
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.data import DataService, HistoryService
from sfn_cqrs.machines.command.service import CommandService

VERSIONS = 20


@dataclass
class Before:
    nation: str
    lat: int


@dataclass
class After:
    country: str
    lat: int


def country_of_nation(old):
    return {"country": old["nation"], "lat": old["lat"]}


def pages(read):
    """All that a list has, page by page."""
    return list(every(lambda cursor: read(limit=100, cursor=cursor)))


@pytest.mark.parametrize("items", without([10, 500], [500]))
def test_a_field_is_renamed_over_live_data(items, world, rebuild, handlers_of_airport):
    def airports_by_icao(command):
        row = {"version": command.version, "country": command.model.country}
        world.read_model(VIEW).put_if_newer(command.key.tenant, "airports", command.key.code, row)

    service = CommandService("tenant1")
    codes = [f"A{number:04}" for number in range(items)]
    moments = []
    with declaring("AIRPORT"):
        handlers.command_type("AIRPORT", publish=MEMBERS, model=Before)
        handlers_of_airport()
        for version in range(VERSIONS):
            world.clock.advance(minutes=1)
            moments.append(world.clock())
            for code in codes:
                attributes = {"nation": f"N{version + 1}", "lat": version + 1}
                service.publish_sync(
                    "AIRPORT", code, name=code, attributes=attributes, version=version
                )
        approval = an_approval(status=Status.GRANTED, item=Pinned("AIRPORT", codes[1], VERSIONS))

        handlers_of_airport(airports_by_icao=airports_by_icao)
        handlers.command_type(
            "AIRPORT", publish=MEMBERS, model=After, shape=2, upcast={1: country_of_nation}
        )
        for code in codes[::2]:
            service.publish_partial("AIRPORT", code, attributes={"lat": 0}, is_sync=True)
        publish_decided(Decided.of(approval), attributes={"lat": 0})
        rebuild.service.rebuild(VIEW, OPERATOR, is_every_version=True)
        rebuild.run()

        rows = pages(lambda **where: DataService("tenant1").list("AIRPORT", **where))
        histories = [
            pages(
                lambda code=code, **where: HistoryService("tenant1").list("AIRPORT", code, **where)
            )
            for code in codes[:10]
        ]
        early = HistoryService("tenant1").as_of("AIRPORT", codes[0], moments[4])

        assert [row.attributes["country"] for row in rows] == ["N20"] * items
        assert [row.shape for row in rows] == [2, 1] * (items // 2)
        for code, history in zip(codes, histories, strict=False):
            shown = [row.model for row in history]
            first = VERSIONS if code in codes[::2] else VERSIONS - 1
            assert shown == [After(f"N{n}", n) for n in range(first, 0, -1)]
        assert early.model == After("N5", 5)
        assert world.commands.latest(ItemKey("tenant1", "AIRPORT", codes[1])).model == After(
            "N20", 0
        )
        done = rebuild.service.get(VIEW).view.replayed.done
        assert done == items * VERSIONS + items // 2
        assert len(rebuild.rows(2)) == items
