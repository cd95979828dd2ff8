import pytest

from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.keys import SagaKey, SagaRef
from sfn_cqrs_tools.testing.builders import ORDERED

ULID = "01KAXK3V9Q0M3W8C5R6T7Y8Z9G"
INPUT = {"attempt": 2, "id": f"g-{ULID}", "saga": "offer-saga", "tenant": "tenant1"}


def test_a_saga_lies_in_its_tenants_partition_by_the_time_it_was_started():
    assert (ORDERED.id, ORDERED.pk, ORDERED.sk) == (f"g-{ULID}", "SAGA#tenant1", f"SAGA#{ULID}")
    assert SagaKey.of("tenant1", f"g-{ULID}") == ORDERED


def test_an_execution_carries_keys_and_comes_back_from_them():
    ref = SagaRef(ORDERED, 2, "offer-saga")

    assert ref.as_input() == INPUT
    assert SagaRef.from_input(INPUT) == ref


@pytest.mark.parametrize("field", INPUT)
def test_an_input_that_lacks_a_field_is_refused(field):
    given = {name: value for name, value in INPUT.items() if name != field}

    with pytest.raises(InvalidInputError, match=field):
        SagaRef.from_input(given)


@pytest.mark.parametrize(("field", "value"), [("attempt", "2"), ("id", "t-1")])
def test_an_input_of_another_kind_is_refused(field, value):
    with pytest.raises(InvalidInputError):
        SagaRef.from_input({**INPUT, field: value})


def test_an_executions_name_is_the_attempts_own():
    names = {
        SagaRef(key, attempt, "offer-saga").execution_name(table)
        for key in (ORDERED, SagaKey("tenant2", ULID))
        for attempt in (1, 2)
        for table in ("a", "b")
    }

    assert len(names) == 8
    assert all(len(name) <= 80 and name.startswith("g-") for name in names)
