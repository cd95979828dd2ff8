import pytest

from sfn_cqrs_tools.runtime import recorder
from sfn_cqrs_tools.runtime.recorder import Recorder
from sfn_local import FunctionError


def test_a_recorder_counts_invocations_and_keeps_nothing_of_what_they_were_given(run_function):
    functions = run_function("def lambda_handler(event, context): return 1 / event['by']")
    recorder = Recorder()
    recorder.start(functions)
    try:
        with pytest.raises(FunctionError):
            functions.invoke("Fn", b'{"by": 0, "personal": "data"}')
        functions.invoke("Fn", b'{"by": 1}')
    finally:
        recorder.stop()

    assert recorder.invocation_counts() == {"Fn": 2}
    assert [(one.payload, one.body) for one in recorder.invocations] == [(b"", {})] * 2


@pytest.mark.parametrize(
    ("operation", "answer", "units"),
    [
        ("GetItem", {}, 1.0),
        ("GetItem", {"Item": {"a": {"S": "x" * 4_000}}}, 1.0),
        ("GetItem", {"Item": {"a": {"S": "x" * 4_100}}}, 2.0),
        ("Query", {"Items": []}, 1.0),
        ("Scan", {"Items": [{"pk": {"S": "x" * 1_000}, "n": {"N": "12"}}] * 9}, 3.0),
        ("Scan", {"Items": [{"m": {"M": {"l": {"L": [{"BOOL": True}, {"S": "é"}]}}}}] * 9}, 1.0),
        ("Scan", {"Items": [{"s": {"SS": ["x" * 5_000]}, "b": {"B": b"x" * 5_000}}]}, 3.0),
    ],
)
def test_a_read_takes_as_many_units_as_its_items_are_large(operation, answer, units):
    parsed = {**answer, "ConsumedCapacity": {"CapacityUnits": 1.0}}

    assert recorder._units(operation, parsed) == (units, 0.0)


def test_a_read_that_is_not_consistent_takes_half_and_a_write_what_it_says():
    half = {"Items": [{"a": {"S": "x" * 8_000}}], "ConsumedCapacity": {"CapacityUnits": 0.5}}
    written = {"ConsumedCapacity": [{"CapacityUnits": 2.0}, {"CapacityUnits": 3.0}]}

    assert recorder._units("Query", half) == (1.0, 0.0)
    assert recorder._units("TransactWriteItems", written) == (0.0, 5.0)
