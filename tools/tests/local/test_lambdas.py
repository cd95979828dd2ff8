import contextvars
import io
import json
import queue
import sys
import threading
from dataclasses import replace

import pytest
from engine.tests.full_disk import full_disk

from sfn_cqrs_tools.runtime.data_folder import KeptEvents
from sfn_cqrs_tools.runtime.lambdas import Functions, break_into_handler
from sfn_cqrs_tools.runtime.output import FunctionOutput, printing_as
from sfn_cqrs_tools.runtime.weather import LOST, REFUSALS
from sfn_local import FunctionError, is_of_map_run


def fails(functions: Functions, payload: str = "{}") -> tuple[str, dict]:
    with pytest.raises(FunctionError) as caught:
        functions.invoke("Fn", payload.encode())
    return caught.value.error, json.loads(caught.value.cause)


def test_a_function_answers_by_logical_id_name_and_arn(run_function):
    functions = run_function("def lambda_handler(event, context): return {'got': event}")
    arn = "arn:aws:lambda:us-east-1:000000000000:function:toy-Fn"

    answers = [functions.invoke(name, b'{"a":1}') for name in ("Fn", "toy-Fn", arn, f"{arn}:live")]

    assert answers == [b'{"got": {"a": 1}}'] * 4


def test_an_unknown_function_fails_as_lambda_does(run_function):
    functions = run_function("")

    with pytest.raises(FunctionError) as caught:
        functions.invoke("toy-None", b"{}")

    assert caught.value.error == "Lambda.ResourceNotFoundException"
    assert caught.value.cause.startswith("Function not found: toy-None (Service: AWSLambda;")


def test_an_error_has_its_own_type_and_the_stack_of_the_users_code(run_function):
    functions = run_function(
        """
        class VersionGapError(Exception): pass

        def check(): raise VersionGapError("next version must be 3")

        def lambda_handler(event, context): check()
        """
    )

    error, body = fails(functions)

    assert error == "VersionGapError"
    assert (body["errorType"], body["errorMessage"]) == (error, "next version must be 3")
    assert [frame.split(", in ")[1].split("\n")[0] for frame in body["stackTrace"]] == [
        "lambda_handler",
        "check",
    ]
    assert len(body["requestId"]) == 36


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        ("import nonsuch", "Runtime.ImportModuleError", "Unable to import module 'app': No module"),
        ("def broken(", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app'"),
        ("x = 1", "Runtime.HandlerNotFound", "Handler 'lambda_handler' missing on module 'app'"),
        ("raise KeyError('A_TABLE')", "KeyError", "'A_TABLE'"),
        (
            "def lambda_handler(event, context): return {1, 2}",
            "Runtime.MarshalError",
            "Unable to marshal response: Object of type set is not JSON serializable",
        ),
        (
            "def lambda_handler(event, context): return 'x' * 6_300_000",
            "Function.ResponseSizeTooLarge",
            "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        ),
    ],
)
def test_what_the_runtime_cannot_do_is_named_as_lambda_names_it(run_function, code, error, message):
    got, body = fails(run_function(code))

    assert got == error
    assert body["errorMessage"].startswith(message)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [("sys.exit(3)", "exit status 3"), ("raise Killed('x')", "Killed('x')")],
)
def test_a_handler_that_ends_its_process_is_an_exit_error(run_function, statement, reason):
    functions = run_function(
        f"""
        import sys
        class Killed(BaseException): pass
        def lambda_handler(event, context): {statement}
        """
    )

    error, body = fails(functions)

    assert error == "Runtime.ExitError"
    assert body["errorMessage"].endswith(f"Error: Runtime exited with error: {reason}")


def test_a_handler_whose_time_is_up_is_answered_for(run_function):
    code = "import threading\ndef lambda_handler(event, context): threading.Event().wait(30)"

    error, body = fails(run_function(code, timeout=0.05))

    assert error == "Sandbox.Timedout"
    assert body["errorMessage"].endswith("Error: Task timed out after 0.05 seconds")


def test_the_context_tells_the_function_about_itself(run_function):
    functions = run_function(
        """
        def lambda_handler(event, context):
            left = context.get_remaining_time_in_millis()
            return [context.function_name, context.memory_limit_in_mb, 9000 < left <= 10000,
                    context.invoked_function_arn.endswith(":toy-Fn"), context.function_version]
        """
    )

    answer = json.loads(functions.invoke("Fn", b"{}"))

    assert answer == ["toy-Fn", "128", True, True, "$LATEST"]


def test_a_module_is_imported_once_however_many_threads_ask(run_function, tmp_path):
    functions = run_function(
        f"""
        import time
        with open({str(tmp_path / "imports")!r}, "a") as f: f.write("x")
        time.sleep(0.02)
        def lambda_handler(event, context): return event
        """
    )
    answers: list[bytes | FunctionError] = []
    all_done = threading.Semaphore(0)

    def done(answer: bytes | FunctionError) -> None:
        answers.append(answer)
        all_done.release()

    for number in range(20):
        functions.submit("Fn", str(number).encode(), done)
    for _ in range(20):
        assert all_done.acquire(timeout=60)

    assert (tmp_path / "imports").read_text() == "x"
    assert sorted(int(answer) for answer in answers) == list(range(20))


def test_no_more_functions_run_at_once_than_allowed(run_function):
    functions = run_function(
        """
        import threading, time
        lock, running, most = threading.Lock(), 0, 0
        def lambda_handler(event, context):
            global running, most
            with lock: running += 1; most = max(most, running)
            time.sleep(0.005)
            with lock: running -= 1
            return most
        """,
        concurrency=3,
    )
    finished = threading.Semaphore(0)

    for _ in range(12):
        functions.submit("Fn", b"{}", lambda _: finished.release())
    for _ in range(12):
        assert finished.acquire(timeout=60)

    assert functions.invoke("Fn", b"{}") == b"3"


HANGING = """
import threading
def lambda_handler(event, context):
    if event == "hang": threading.Event().wait(30)
    return event
"""


def test_children_of_a_map_keep_nobody_else_waiting(run_function):
    functions = run_function(
        """
        import threading
        go_on = threading.Event()
        def lambda_handler(event, context):
            if event == "item": go_on.wait(60)
            if event == "end": go_on.set()
            return event
        """,
        timeout=60,
        concurrency=1,
        children_at_once=2,
    )
    answers: queue.Queue[bytes] = queue.Queue()
    for _ in range(5):
        context = contextvars.copy_context()
        context.run(is_of_map_run.set, True)
        context.run(functions.submit, "Fn", b'"item"', answers.put)

    for word in (b'"one"', b'"end"'):
        functions.submit("Fn", word, answers.put)

    first, *others = [answers.get(timeout=60) for _ in range(7)]
    assert first == b'"one"'
    assert sorted(others) == [b'"end"', *[b'"item"'] * 5]


def test_a_handler_that_hangs_does_not_hold_the_others_up(run_function):
    functions = run_function(HANGING, timeout=0.05, concurrency=1)
    answers: list[bytes | FunctionError] = []
    answered = threading.Semaphore(0)

    def done(answer: bytes | FunctionError) -> None:
        answers.append(answer)
        answered.release()

    functions.submit("Fn", b'"hang"', done)
    functions.submit("Fn", b'"go"', done)

    assert all(answered.acquire(timeout=60) for _ in range(2))
    assert isinstance(answers[0], FunctionError)
    assert answers[1] == b'"go"'
    functions.close(patience=0)


def test_whoever_waits_for_a_function_hears_that_the_stack_ends(run_function):
    functions = run_function(
        """
        import threading
        began = threading.Event()
        def lambda_handler(event, context):
            began.set()
            threading.Event().wait(30)
        """,
        timeout=60,
    )
    functions.preload()
    began = sys.modules["sfn_function_Fn"].began
    answers: queue.Queue[bytes | FunctionError] = queue.Queue()
    functions.submit("Fn", b"{}", answers.put)
    assert began.wait(60)

    functions.close(patience=0)

    assert answers.get(timeout=60).error == "Lambda.ServiceException"


def test_functions_that_are_closed_answer_with_an_error(run_function):
    functions = run_function("def lambda_handler(event, context): return 1")
    functions.close()

    with pytest.raises(FunctionError) as caught:
        functions.invoke("Fn", b"{}")

    assert caught.value.error == "Lambda.ServiceException"


def test_closing_waits_for_what_runs(run_function):
    code = """
    import time
    def lambda_handler(event, context): time.sleep(0.1); return 1
    """
    functions = run_function(code)
    answers: list[bytes | FunctionError] = []

    functions.submit("Fn", b"{}", answers.append)
    functions.close()

    assert answers == [b"1"]


def test_a_changed_handler_is_imported_again(run_function, write_function):
    functions = run_function("def lambda_handler(event, context): return 1", reload_seconds=0)
    before = functions.invoke("Fn", b"{}")

    write_function("Fn", "def lambda_handler(event, context): return 2")

    assert (before, functions.invoke("Fn", b"{}")) == (b"1", b"2")


def test_whoever_waits_for_an_answer_runs_the_code_as_it_is_now(run_function, write_function):
    functions = run_function("def lambda_handler(event, context): return 1", reload_seconds=3600)
    functions.invoke("Fn", b"{}")

    write_function("Fn", "def lambda_handler(event, context): return 2.5")

    assert functions.invoke("Fn", b"{}") == b"2.5"


def test_what_is_delivered_may_run_the_code_from_before_a_save(run_function, write_function):
    functions = run_function("def lambda_handler(event, context): return 1", reload_seconds=3600)
    functions.invoke("Fn", b"{}")

    write_function("Fn", "def lambda_handler(event, context): return 2.5")

    assert functions.deliver("Fn", b"{}") == functions.invoke_by_poller("Fn", b"{}") == b"1"
    assert functions.invoke("Fn", b"{}") == functions.deliver("Fn", b"{}") == b"2.5"


def test_a_change_in_the_layer_reaches_the_functions(run_function, tmp_path):
    layer = tmp_path / "layer"
    layer.mkdir()
    (layer / "toy_rules.py").write_text("ANSWER = 1")
    code = "import toy_rules\ndef lambda_handler(event, context): return toy_rules.ANSWER"
    functions = run_function(code, sources=[layer], reload_seconds=0)
    before = functions.invoke("Fn", b"{}")

    (layer / "toy_rules.py").write_text("ANSWER = 2")

    assert (before, functions.invoke("Fn", b"{}")) == (b"1", b"2")
    sys.path.remove(str(layer))


@pytest.mark.parametrize("retries", [0, 2])
def test_an_event_is_tried_again_as_often_as_its_function_says(write_function, tmp_path, retries):
    function = write_function(
        "Fn",
        f"""
        import pathlib
        log = pathlib.Path({str(tmp_path / "tries")!r})
        def lambda_handler(event, context):
            with log.open("a") as f: f.write("x")
            raise ValueError
        """,
    )
    functions = Functions([replace(function, event_retries=retries)], retry_seconds=0)
    tries = threading.Semaphore(0)
    functions.listeners.append(lambda _: tries.release())

    functions.invoke_async("Fn", b"{}")

    assert all(tries.acquire(timeout=60) for _ in range(1 + retries))
    assert not tries.acquire(timeout=0.1)
    assert (tmp_path / "tries").read_text() == "x" * (1 + retries)
    functions.close(patience=0)


def test_an_event_reaches_its_function_on_a_full_disk(run_function, tmp_path):
    kept = KeptEvents(tmp_path / "events.sqlite")
    functions = run_function("def lambda_handler(event, context): pass", kept=kept)
    functions.invoke("Fn", b"{}")
    is_done = threading.Event()
    functions.listeners.append(lambda _: is_done.set())

    with full_disk():
        functions.invoke_async("Fn", b"{}")
        assert is_done.wait(60)


def test_listeners_hear_of_each_invocation(run_function):
    functions = run_function("def lambda_handler(event, context): return 1 / event['by']")
    heard: list[tuple[str, str | None]] = []
    functions.listeners.append(lambda one: heard.append((one.function, one.error)))

    functions.invoke("Fn", b'{"by": 1}')
    fails(functions, '{"by": 0}')

    assert heard == [("Fn", None), ("Fn", "ZeroDivisionError")]


def test_a_breakpoint_talks_to_the_terminal_and_stops_the_clock(run_function, monkeypatch):
    code = """
    def lambda_handler(event, context):
        answer = 1
        breakpoint()
        return answer
    """
    terminal = io.StringIO()
    monkeypatch.setattr(sys, "breakpointhook", break_into_handler)
    monkeypatch.setattr(sys, "__stdin__", io.StringIO("p event\nanswer = 2\ncontinue\n"))
    monkeypatch.setattr(sys, "__stderr__", terminal)

    assert run_function(code).invoke("Fn", b'"the event"') == b"2"
    assert "'the event'" in terminal.getvalue()


def test_what_a_function_prints_goes_to_the_log_line_by_line(run_function, tmp_path, capsys):
    functions = run_function(
        """
        def lambda_handler(event, context):
            print("one\\ntwo")
            print("three", end="")
            return context.aws_request_id
        """
    )
    path = tmp_path / "log"

    with path.open("w") as log, FunctionOutput(log):
        request_id = json.loads(functions.invoke("Fn", b"{}"))
        print("not from a function")

    assert path.read_text().splitlines() == [
        f"Fn {request_id} {x}" for x in ("one", "two", "three")
    ]
    assert capsys.readouterr().out == "not from a function\n"


def test_a_logger_that_an_earlier_stack_has_made_writes_to_the_log_of_the_latest(tmp_path):
    with (tmp_path / "first").open("w") as log, FunctionOutput(log):
        kept = sys.stdout
    with (tmp_path / "second").open("w") as log, FunctionOutput(log), printing_as("Fn 1"):
        print("said", file=kept)

    texts = [(tmp_path / name).read_text() for name in ("first", "second")]
    assert texts == ["", "Fn 1 said\n"]


class Flaky:
    """A forecast's weather that fails so many invocations, with one kind."""

    def __init__(self, kind: str, times: int) -> None:
        self.kind = kind
        self.times = times

    def invoked(self, call, run):
        self.times -= 1
        return call.failed(self.kind, "refused") if self.times >= 0 else run(call)


def flaky(functions: Functions, kind: str, times: int) -> Functions:
    functions.weather = Flaky(kind, times)
    return functions


ANSWERS = "def lambda_handler(event, context): return 'done'"


@pytest.mark.parametrize("kind", [*REFUSALS, LOST])
def test_a_queues_poller_invokes_again_what_lambda_refuses_or_loses(run_function, kind):
    functions = flaky(run_function(ANSWERS, retry_seconds=0.01), kind, times=3)

    assert functions.invoke_by_poller("Fn", b"{}") == b'"done"'


@pytest.mark.parametrize("kind", ["ValueError", "Sandbox.Timedout", "Runtime.ExitError"])
def test_what_the_function_fails_of_waits_for_the_queues_own_time(run_function, kind):
    functions = flaky(run_function(ANSWERS), kind, times=1)

    with pytest.raises(FunctionError, match=kind):
        functions.invoke_by_poller("Fn", b"{}")


def test_a_queues_poller_gives_up_when_the_message_is_visible_again(run_function):
    functions = flaky(run_function(ANSWERS, timeout=0.01, retry_seconds=0.1), LOST, times=1000)

    with pytest.raises(FunctionError, match=LOST):
        functions.invoke_by_poller("Fn", b"{}")


def test_a_queues_poller_ends_with_the_stack(run_function):
    functions = flaky(run_function(ANSWERS, retry_seconds=3600), LOST, times=1000)
    failures: list[FunctionError] = []

    def poll():
        try:
            functions.invoke_by_poller("Fn", b"{}")
        except FunctionError as error:
            failures.append(error)

    poller = threading.Thread(target=poll)
    poller.start()
    functions.close(patience=0)
    poller.join(5)

    assert not poller.is_alive()
    assert len(failures) == 1
