"""Functions run the code that their files have, whole, and none of another revision."""

import importlib
import os
import sys
import threading
from weakref import WeakSet

import pytest

from sfn_cqrs_tools.client.app_check import broken, modules_of_package
from sfn_cqrs_tools.runtime.lambdas import Functions

CALLS = "import toy_app.rules\ndef lambda_handler(event, context): return toy_app.rules.answer()"
LAZY = "def answer():\n    from toy_app.words import WORD\n    return [{number}, WORD]\n"
KEPT = """from typing import Generic, TypeVar

T = TypeVar("T")


class Page(Generic[T]):
    pass


class Task:
    def name(self):
        return answer()


def answer():
    return {number}


PAGE = Page[Task]
"""


@pytest.fixture
def app(tmp_path):
    """A package that functions import from, and what opens them as a stack does."""
    folder = tmp_path / "app" / "toy_app"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    opened: list[Functions] = []

    class App:
        path = folder

        def save(self, name: str, text: str) -> None:
            (folder / f"{name}.py").write_text(text)

        def open(self, *functions, **options) -> Functions:
            def prepare():
                return modules_of_package("toy_app")

            given = {"sources": [folder.parent], "prepare": prepare, "reload_seconds": 0}
            opened.append(Functions(functions, **given | options))
            opened[-1].preload()
            return opened[-1]

    yield App()
    for each in opened:
        each.close(patience=0)
    for name in [name for name in sys.modules if name.partition(".")[0] == "toy_app"]:
        del sys.modules[name]
    sys.path.remove(str(folder.parent))


def test_the_next_stack_of_a_process_runs_what_was_saved_between(app, write_function):
    app.save("rules", "def answer(): return 1")
    function = write_function("Fn", CALLS)
    first = app.open(function)
    before = first.invoke("Fn", b"{}")
    first.close()
    app.save("rules", "def answer(): return 2")

    assert (before, app.open(function).invoke("Fn", b"{}")) == (b"1", b"2")


def test_a_stack_with_one_more_function_runs_what_was_saved_too(app, write_function):
    app.save("rules", "def answer(): return 1")
    functions = [write_function("Fn", CALLS)]
    first = app.open(*functions)
    first.close()
    app.save("rules", "def answer(): return 2")
    functions.append(write_function("More", CALLS))

    second = app.open(*functions)

    assert [second.invoke(name, b"{}") for name in ("Fn", "More")] == [b"2", b"2"]


def test_what_was_taken_out_is_gone_though_another_copy_of_its_registry_is_installed(
    app, write_function, tmp_path, monkeypatch
):
    registry = "declared = []\ndef declare(name): declared.append(name)\n"
    installed, layer = tmp_path / "installed", tmp_path / "layer"
    for folder in (installed, layer):
        (folder / "toy_registry").mkdir(parents=True)
        (folder / "toy_registry" / "__init__.py").write_text(registry)
    monkeypatch.syspath_prepend(str(installed))
    monkeypatch.setitem(sys.modules, "toy_registry", importlib.import_module("toy_registry"))
    app.save("rules", "from toy_registry import declare\ndeclare('old')")
    reads = "import toy_registry\ndef lambda_handler(event, context): return toy_registry.declared"
    functions = app.open(write_function("Fn", reads), sources=[layer, app.path.parent])
    before = functions.invoke("Fn", b"{}")
    app.save("rules", "from toy_registry import declare\ndeclare('new')")

    assert (before, functions.invoke("Fn", b"{}")) == (b'["old"]', b'["new"]')


def test_the_same_size_at_the_same_second_is_another_revision(app, write_function):
    app.save("rules", "def answer(): return 1")
    functions = app.open(write_function("Fn", CALLS))
    answers = []
    for number in range(1, 6):
        path = app.path / "rules.py"
        path.write_text(f"def answer(): return {number}")
        os.utime(path, ns=(0, 1_700_000_000_000_000_000 + number))
        answers.append(functions.invoke("Fn", b"{}"))

    assert answers == [b"1", b"2", b"3", b"4", b"5"]


def opened_with_one_that_waits(app, write_function):
    app.save("words", "WORD = 'old'")
    app.save("rules", LAZY.format(number=1))
    waits = """
        import threading, toy_app.rules
        began, go_on = threading.Event(), threading.Event()
        def lambda_handler(event, context):
            began.set()
            go_on.wait(60)
            return toy_app.rules.answer()
        """
    return app.open(write_function("Fn", CALLS), write_function("Waits", waits, timeout=60))


def test_an_invocation_imports_from_the_revision_that_it_began_in(app, write_function):
    functions = opened_with_one_that_waits(app, write_function)
    old = sys.modules["sfn_function_Waits"]
    answers: list[bytes] = []
    thread = threading.Thread(target=lambda: answers.append(functions.invoke("Waits", b"{}")))
    thread.start()
    assert old.began.wait(60)
    app.save("words", "WORD = 'new'")
    app.save("rules", LAZY.format(number=2))

    after = functions.invoke("Fn", b"{}")
    old.go_on.set()
    thread.join(60)

    assert (answers, after) == ([b'[1, "old"]'], b'[2, "new"]')


def test_while_the_next_revision_is_imported_the_one_before_is_whole(app, write_function):
    functions = opened_with_one_that_waits(app, write_function)
    functions.invoke("Fn", b"{}")
    old = sys.modules["sfn_function_Waits"]
    sys.toy_gate = threading.Event(), threading.Event()
    answers: dict[str, bytes] = {}

    def invoke(name: str) -> threading.Thread:
        def run() -> None:
            answers[name] = functions.invoke(name, b"{}")

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    waiting = invoke("Waits")
    assert old.began.wait(60)
    app.save("words", "import sys\nsys.toy_gate[0].set()\nsys.toy_gate[1].wait(60)\nWORD = 'new'")
    next_ = invoke("Fn")
    assert sys.toy_gate[0].wait(60)
    old.go_on.set()
    waiting.join(60)
    during = dict(answers)
    sys.toy_gate[1].set()
    next_.join(60)
    del sys.toy_gate

    assert during == {"Waits": b'[1, "old"]'}
    assert answers["Fn"] == b'[1, "new"]'


def test_what_cannot_be_imported_is_not_taken_over(app, write_function):
    app.save("rules", "def answer(): return 1")
    functions = app.open(write_function("Fn", CALLS))
    functions.refresh()
    app.save("rules", "def answer() return 2")

    changed = functions.refresh()
    during = functions.invoke("Fn", b"{}"), functions.is_newest, functions.broken
    app.save("rules", "def answer(): return 3")

    assert changed == [app.path / "rules.py"]
    assert during[:2] == (b"1", False)
    found = [broken(one) for one in during[2]]
    assert {one.module: one.reason.partition(":")[0] for one in found} == {
        "toy_app.rules": "SyntaxError",
        "functions/Fn": "SyntaxError",
    }
    assert "revisions.py" not in "".join(one.code for one in found)
    assert functions.invoke("Fn", b"{}") == b"3"
    assert (functions.is_newest, functions.broken) == (True, [])


def test_what_was_broken_already_holds_no_other_change_up(app, write_function):
    app.save("rules", "def answer(): return 1")
    app.save("broken", "import no_such_library")
    functions = app.open(write_function("Fn", CALLS))

    app.save("rules", "def answer(): return 2")

    assert functions.invoke("Fn", b"{}") == b"2"
    assert [one.module for one in functions.broken] == ["toy_app.broken"]


def test_a_file_that_is_half_written_is_waited_for(app, write_function, monkeypatch):
    app.save("rules", "def answer(): return 1")
    functions = app.open(write_function("Fn", CALLS))
    path = app.path / "rules.py"
    path.write_text("")  # as editors do it: empty, then whole
    rest = ["def answer(): return 2"]

    def go_on(_seconds: float) -> None:
        if rest:
            path.write_text(rest.pop())

    clock = "sfn_cqrs_tools.runtime.revisions.time"
    monkeypatch.setattr(f"{clock}.sleep", go_on)
    monkeypatch.setattr(f"{clock}.time_ns", lambda: path.stat().st_mtime_ns)
    assert functions.invoke("Fn", b"{}") == b"2"


def test_a_revision_in_which_nothing_runs_any_more_is_freed(app, write_function):
    app.save("rules", KEPT.format(number=0))
    functions = app.open(write_function("Fn", CALLS))
    alive = WeakSet()
    for number in range(1, 7):
        app.save("rules", KEPT.format(number=number))
        assert functions.invoke("Fn", b"{}") == b"%d" % number
        alive.add(sys.modules["toy_app.rules"])

    assert len(alive) <= 2


def test_a_module_that_is_added_and_one_that_is_deleted_count(app, write_function):
    app.save("rules", "def answer(): return 1")
    functions = app.open(write_function("Fn", CALLS))
    functions.refresh()
    app.save("more", "")
    added = functions.refresh()
    (app.path / "more.py").unlink()

    assert (added, functions.refresh()) == ([app.path / "more.py"], [app.path / "more.py"])
