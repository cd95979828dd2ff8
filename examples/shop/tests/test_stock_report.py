"""Stock that is reported each night, in Berlin's time."""

from sfn_cqrs.commands import CommandService

SHOP = CommandService("tenant1")


def report(day):
    return SHOP.latest("STOCK_REPORT", day)


def test_each_night_has_a_report(world):
    SHOP.publish("STOCK", "BOOK", name="a book", attributes={"available": 9})

    world.advance(days=2)

    assert report("2026-11-26").model.available == {"BOOK": 9, "LAMP": 0}
    assert report("2026-11-27").model.few == ["LAMP"]
    assert report("2026-11-28") is None


def test_a_night_is_reported_at_two(world):
    world.advance(hours=12, minutes=59)
    assert report("2026-11-26") is None

    world.advance(minutes=1)

    assert report("2026-11-26").created.at == "2026-11-26T01:00:00.000Z"
