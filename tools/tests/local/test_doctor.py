"""What the doctor prints first: what needs a person, in groups, on one screen."""

import click
import pytest

from sfn_cqrs_tools.cli import doctor
from sfn_cqrs_tools.client.diagnosis import Diagnosis, Finding, Kind, Work
from sfn_cqrs_tools.client.finding_groups import groups_of

SAGA = "g-01M8XBB5K7VA1662NPPRJ3FD29"


def failed(code, cause="orders_by_customer: KeyError: 'XX'", tenant="tenant1", type_="ORDER"):
    return Finding(tenant, type_, code, 1, "FAILED", "sync_data:FAILED", 60, "HandlerError", cause)


def blocked(code):
    return Finding("tenant1", "ORDER", code, 2, "BLOCKED", "check_version:BLOCKED", 60, None)


def diagnosed(*findings, **kinds):
    return Diagnosis(0, 0.0, list(findings), kinds, {}, [])


def test_what_has_one_cause_is_one_group_with_the_command_that_repairs_it():
    found = diagnosed(
        failed("o-1"),
        failed("o-2", "order 7: no 01M8XBB5K7VA1662NPPRJ3FD29"),
        failed("o-3", "order 8: no 01M8XBB5K7VA1662NPPRJ3FD2A"),
        failed("o-4"),
        failed("x y", "late", "tenant2"),
    )

    groups = groups_of(found)

    assert [(one.count, one.next) for one in groups] == [
        (
            2,
            "sfn-cqrs repair plan command retry --type ORDER"
            """ --error "orders_by_customer: KeyError: 'XX'" --tenant tenant1""",
        ),
        (2, "sfn-cqrs repair plan command retry --type ORDER --error order --tenant tenant1"),
        (1, "sfn-cqrs chain retry ORDER 'x y' 1 --tenant tenant2"),
    ]
    assert groups[0].line == (
        "2 × ORDER tenant1 FAILED, 1.0 min: HandlerError: orders_by_customer: KeyError: 'XX'"
    )


def test_money_comes_first_and_what_waits_behind_a_failure_last():
    parked = Kind(1, 60, [Work("tenant1", SAGA, "PARKED", 1, 60, "Declined")])
    found = diagnosed(blocked("o-1"), blocked("o-2"), blocked("o-3"), failed("o-1"), saga=parked)

    groups = groups_of(found)

    assert [one.status for one in groups] == ["PARKED", "FAILED", "BLOCKED"]
    assert groups[0].next == f"sfn-cqrs saga show {SAGA} --tenant tenant1"


@pytest.mark.parametrize("causes", [1, 90])
def test_it_fits_a_screen_of_24_lines_and_80_columns(causes, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    words = [f"{chr(97 + n % 26)}{chr(97 + n // 26)} went wrong " * 9 for n in range(causes)]
    found = diagnosed(*(failed(f"o-{n}", words[n % causes]) for n in range(90)))

    doctor._print_briefly(found)

    lines = click.unstyle(capsys.readouterr().out).splitlines()
    assert sum(-(-len(line) // 80) for line in lines) <= 24
    assert lines[-1].startswith("something needs attention; next: sfn-cqrs chain show ORDER o-0")
    is_cut = causes > 1
    assert any("lines more: sfn-cqrs doctor --all" in line for line in lines) is is_cut


def test_all_lists_each_finding(capsys):
    doctor._print(diagnosed(failed("o-1"), failed("o-2")))

    told = capsys.readouterr().out
    assert "o-1" in told
    assert "o-2" in told
    assert "sfn-cqrs chain retry ORDER o-2 1 --tenant tenant1" in told
