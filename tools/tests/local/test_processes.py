import json
import os
import queue
import threading

import pytest

from sfn_cqrs_tools.runtime.output import FunctionOutput
from sfn_local import FunctionError

PID = "import os\ndef lambda_handler(event, context): return os.getpid()"


def fails(functions, payload=b"{}"):
    with pytest.raises(FunctionError) as caught:
        functions.invoke("Fn", payload)
    return caught.value.error, json.loads(caught.value.cause)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_function_keeps_its_process_and_does_not_share_ours(run_function):
    functions = run_function(PID, isolated=True)

    first, second = (functions.invoke("Fn", b"{}") for _ in range(2))

    assert first == second
    assert int(first) != os.getpid()


def test_two_calls_at_once_have_a_process_each(run_function, tmp_path):
    path = tmp_path / "met"
    os.mkfifo(path)
    functions = run_function(
        f"""
        import os
        def lambda_handler(event, context):
            with open({str(path)!r}, event) as met:  # opens once the other end is opened too
                pass
            return os.getpid()
        """,
        isolated=True,
    )
    answers, answered = [], threading.Semaphore(0)

    def done(answer):
        answers.append(answer)
        answered.release()

    for mode in ("r", "w"):
        functions.submit("Fn", json.dumps(mode).encode(), done)

    assert all(answered.acquire(timeout=60) for _ in range(2))
    assert len(set(answers)) == 2


def test_an_error_has_its_type_and_the_stack_of_the_users_code(run_function):
    functions = run_function(
        "def lambda_handler(event, context): raise LookupError('no such order')", isolated=True
    )

    error, body = fails(functions)

    assert (error, body["errorType"], body["errorMessage"]) == (
        "LookupError",
        "LookupError",
        "no such order",
    )
    assert body["stackTrace"][0].split(", in ")[1].split("\n")[0] == "lambda_handler"


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("sys.exit(3)", "exit status 3"),
        ("os._exit(4)", "exit status 4"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "signal: SIGKILL"),
    ],
)
def test_a_process_that_ends_is_an_exit_error_and_the_next_call_has_a_new_one(
    run_function, statement, reason
):
    functions = run_function(
        f"""
        import os, signal, sys
        def lambda_handler(event, context):
            if event == "end": {statement}
            return os.getpid()
        """,
        isolated=True,
    )
    before = functions.invoke("Fn", b"{}")

    error, body = fails(functions, b'"end"')

    assert error == "Runtime.ExitError"
    assert body["errorMessage"].endswith(f"Error: Runtime exited with error: {reason}")
    assert functions.invoke("Fn", b"{}") != before


@pytest.mark.real_time("a function's time limit, in whole seconds, begins with its process")
def test_a_process_whose_time_is_up_is_killed(run_function, tmp_path):
    path = tmp_path / "pid"
    functions = run_function(
        f"""
        import os, threading
        def lambda_handler(event, context):
            with open({str(path)!r}, "w") as file: file.write(str(os.getpid()))
            threading.Event().wait(60)
        """,
        timeout=2,
        isolated=True,
    )

    error, _ = fails(functions)
    functions.close()

    assert error == "Sandbox.Timedout"
    assert not alive(int(path.read_text()))


def test_a_changed_handler_has_a_new_process(run_function, write_function):
    functions = run_function(PID, reload_seconds=0, isolated=True)
    before = int(functions.invoke("Fn", b"{}"))

    write_function("Fn", "def lambda_handler(event, context): return 2")

    assert functions.invoke("Fn", b"{}") == b"2"
    assert not alive(before)


def test_closing_waits_for_no_process_that_takes_long_to_end(run_function, monkeypatch):
    monkeypatch.setattr("sfn_cqrs_tools.runtime.processes.PATIENCE", 600.0)
    functions = run_function(
        """
        import atexit, os, threading
        atexit.register(threading.Event().wait)
        def lambda_handler(event, context): return os.getpid()
        """,
        isolated=True,
    )
    pid = int(functions.invoke("Fn", b"{}"))

    functions.close()

    assert not alive(pid)


def test_what_the_end_interrupts_is_no_failure(run_function, tmp_path):
    begun = tmp_path / "begun"
    functions = run_function(
        f"""
        import pathlib, threading
        def lambda_handler(event, context):
            pathlib.Path({str(begun)!r}).touch()
            threading.Event().wait(60)
        """,
        timeout=60,
        isolated=True,
    )
    heard: list[str | None] = []
    functions.listeners.append(lambda invocation: heard.append(invocation.error))
    answers: queue.Queue[object] = queue.Queue()
    functions.submit("Fn", b"{}", answers.put)
    while not begun.exists():
        threading.Event().wait(0.01)

    functions.close(patience=0)

    assert isinstance(answers.get(timeout=60), FunctionError)
    assert heard == []


def test_closing_ends_every_process(run_function):
    functions = run_function(PID, isolated=True)
    pid = int(functions.invoke("Fn", b"{}"))

    functions.close()

    assert not alive(pid)


def test_what_a_function_prints_goes_to_the_log_and_into_no_answer(run_function, tmp_path):
    functions = run_function(
        """
        import subprocess, sys
        def lambda_handler(event, context):
            print("one")
            subprocess.run([sys.executable, "-c", "print('two')"])
            return context.aws_request_id
        """,
        isolated=True,
    )
    path = tmp_path / "log"

    with path.open("w") as log, FunctionOutput(log):
        request_id = json.loads(functions.invoke("Fn", b"{}"))
        functions.close()

    assert path.read_text().splitlines() == [f"Fn {request_id} {x}" for x in ("one", "two")]
