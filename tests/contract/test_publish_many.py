import pytest

from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.machines.command.process import Mode, Outcome
from sfn_cqrs.machines.command.publication import Refusal, RowPublication
from sfn_cqrs_tools.testing.builders import NRT, a_command, a_process, a_publication


def key_of(number):
    return ItemKey("tenant1", "AIRPORT", f"R{number:03d}")


def rows(numbers, version=1, data_version=0, history=None):
    return [
        RowPublication(
            a_command(key_of(n), version, source="c-1", source_row=n), data_version, history
        )
        for n in numbers
    ]


def test_many_versions_are_appended_and_applied(world):
    publications = rows(range(230))

    refusals = world.commands.publish_many(publications)

    commands = {each.command.key: each.command for each in publications}
    assert refusals == [None] * 230
    assert world.commands.find_many((key, 1) for key in commands) == commands
    stored = world.data.snapshots(commands)
    assert {key: world.data.row_of(item) for key, item in stored.items()} == {
        key: command.as_row() for key, command in commands.items()
    }
    assert world.processes.find_many((key, 1) for key in commands) == {}


def test_what_is_refused_keeps_nobody_else_back(world):
    world.commands.publish_many(rows([3, 40], version=1))
    world.commands.publish_many(rows([5], version=9, data_version=0))

    refusals = world.commands.publish_many(rows(range(60)))

    assert refusals == [
        Refusal.VERSION_TAKEN if n in (3, 40) else Refusal.DATA_MOVED if n == 5 else None
        for n in range(60)
    ]
    assert world.commands.find(key_of(5), 1) is None
    assert world.data.find(key_of(59)).version == 1


def test_a_changed_row_keeps_what_was_before(world):
    world.commands.publish_many(rows([1]))
    before = world.data.find(key_of(1))
    history = world.history.item_of(world.data.snapshot(key_of(1)))

    refusals = world.commands.publish_many(rows([1], 2, data_version=1, history=history))

    assert refusals == [None]
    assert world.history.page(key_of(1), 10, None).items == [before]
    assert world.data.find(key_of(1)).version == 2


def test_versions_for_the_machine_may_be_among_them(world):
    mixed = [a_publication(NRT, 1), *rows([1])]

    assert world.commands.publish_many(mixed) == [None, None]
    assert world.processes.find(NRT, 1) == a_process(NRT, 1)
    assert world.data.find(NRT) is None


def test_large_rows_do_not_share_a_transaction(world):
    large = [
        RowPublication(a_command(key_of(n), attributes={"text": "x" * 99_000})) for n in range(50)
    ]

    assert world.commands.publish_many(large) == [None] * 50


def test_nothing_is_published_without_a_call(world):
    assert world.commands.publish_many([]) == []
    assert world.commands.find_many([]) == {}


def test_a_version_without_a_process_is_handed_over_once(world):
    process = a_process(NRT, 1, mode=Mode.SYNC, attempt=2)

    first, second = world.processes.hand_over(process), world.processes.hand_over(process)

    assert (first, second) == (True, False)
    assert world.processes.find(NRT, 1) == process
    assert world.processes.find_many([(NRT, 1), (key_of(1), 1)]) == {NRT: process}


@pytest.mark.parametrize("outcome", [Outcome.OPEN, Outcome.APPLIED])
def test_what_has_a_process_is_not_handed_over(outcome, world):
    world.seed(a_process(NRT, 1, outcome=outcome))

    assert world.processes.hand_over(a_process(NRT, 1, attempt=2)) is False
    assert world.processes.find(NRT, 1).outcome is outcome
