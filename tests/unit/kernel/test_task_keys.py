from dataclasses import replace

import pytest

from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.keys import TaskKind, TaskRef, task_id_parts
from sfn_cqrs_tools.testing.builders import RESIZE

ULID = "01KAXK3V9Q0M3W8C5R6T7Y8Z9A"
SINGLE = replace(RESIZE, kind=TaskKind.SINGLE)
INPUT = {
    "attempt": 2,
    "concurrency": 5,
    "id": f"t-{ULID}",
    "items": [0, 2],
    "tenant": "tenant1",
    "type": "RESIZE",
}


def test_a_batch_and_a_single_task_lie_in_partitions_of_their_own():
    assert (RESIZE.id, RESIZE.pk, RESIZE.sk) == (
        f"t-{ULID}",
        "SFN_TASK#tenant1#13",
        f"RESIZE#{ULID}",
    )
    assert (SINGLE.id, SINGLE.pk, SINGLE.sk) == (f"s-{ULID}", "TASK#tenant1#05", f"RESIZE#{ULID}")


def test_items_sort_by_their_index_in_the_partition_of_their_task():
    assert RESIZE.items_pk == f"SFN_TASK#tenant1#{ULID}"
    assert [RESIZE.item_sk(index) for index in (2, 10, 999)] == [
        f"RESIZE#{ULID}#000002",
        f"RESIZE#{ULID}#000010",
        f"RESIZE#{ULID}#000999",
    ]


def test_a_public_id_names_the_kind():
    assert task_id_parts(RESIZE.id) == (TaskKind.BATCH, ULID)
    assert task_id_parts(SINGLE.id) == (TaskKind.SINGLE, ULID)


def test_an_executions_input_is_keys_and_indexes_only_and_comes_back():
    ref = TaskRef(RESIZE, 2, (0, 2), 5)

    assert ref.as_input() == INPUT
    assert TaskRef.from_input(INPUT) == ref
    assert TaskRef.from_input(INPUT).items == (0, 2)
    assert TaskRef.from_input(INPUT).concurrency == 5


def test_an_input_of_an_earlier_release_works_on_two_items_at_a_time():
    earlier = {name: value for name, value in INPUT.items() if name != "concurrency"}

    assert TaskRef.from_input(earlier).concurrency == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "x"},
        {"attempt": "2"},
        {"items": None},
        {"items": {}},
        {"attempt": None},
        {"concurrency": "2"},
    ],
)
def test_another_input_is_refused(changes):
    with pytest.raises(InvalidInputError):
        TaskRef.from_input({**INPUT, **changes})


@pytest.mark.parametrize("field", sorted(INPUT.keys() - {"concurrency"}))
def test_an_input_that_lacks_a_field_is_refused(field):
    with pytest.raises(InvalidInputError, match=f"the execution's input lacks '{field}'"):
        TaskRef.from_input({name: value for name, value in INPUT.items() if name != field})


def test_every_attempt_of_every_task_has_an_execution_of_its_own():
    refs = [TaskRef(RESIZE, 1), TaskRef(RESIZE, 2), TaskRef(replace(RESIZE, tenant="t2"), 1)]
    refs += [TaskRef(SINGLE, 1), TaskRef(replace(RESIZE, type="CRUSH"), 1)]

    names = {ref.execution_name("tasks") for ref in refs} | {refs[0].execution_name("other")}

    assert len(names) == 6
    assert all(name.startswith("t-") and len(name) <= 80 for name in names)
