import pytest

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
