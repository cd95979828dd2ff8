import ast
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.template.stack import ADDED, ROOT, TEMPLATE
from tests.template.wiring import gaps

from sfn_cqrs.machines.command import chain

MOST_LINES = 25


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A complete project of empty functions, to break in one place at a time."""
    shutil.copy(ROOT / "template.yaml", tmp_path)
    shutil.copytree(ROOT / "statemachine", tmp_path / "statemachine")
    shutil.copytree(ROOT / "events", tmp_path / "events")
    for function in TEMPLATE.functions.values():
        group, name = function.folder.parts[-2:]
        for path in (f"functions/{group}/{name}/app.py", f"tests/unit/{group}/test_{name}.py"):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).touch()
    return tmp_path


def code_of(source: str) -> int:
    """Count the lines of a file, besides imports, docstrings, comments and empty lines."""
    left_out = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom) or _is_docstring(node)
        for line in range(node.lineno, node.end_lineno + 1)  # type: ignore[attr-defined]
    }
    lines = enumerate(map(str.strip, source.splitlines()), 1)
    return sum(1 for at, line in lines if line and line[0] != "#" and at not in left_out)


def _is_docstring(node: ast.AST) -> bool:
    text = node.value if isinstance(node, ast.Expr) else None
    return isinstance(text, ast.Constant) and isinstance(text.value, str)


def test_a_function_is_a_use_case_that_is_read_at_once() -> None:
    files = (ROOT / "functions").rglob("app.py")
    lines = {path.as_posix(): code_of(path.read_text(encoding="utf-8")) for path in files}

    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}


def test_lines_of_code_are_those_of_the_whole_file() -> None:
    source = """'''A handler.'''

from a import (
    b,
)

LIMIT = 3
'''What it is.'''

@b  # counts
def handler(event):
    '''Do it.

    Well.
    '''
    # why
    if event:
        return helper()
    return None

def helper():
    return 1
"""

    assert code_of(source) == 8


def test_the_page_of_the_functions_tells_which_folders_are_machines() -> None:
    page = (ROOT / "functions/README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*`) \| (.*) \|$", page, re.MULTILINE)
    named = {name: called for names, called in rows for name in re.findall(r"`(\w+)`", names)}
    machines = {machine.folder for machine in TEMPLATE.machines.values()} - ADDED
    folders = {path.name for path in (ROOT / "functions").iterdir() if path.is_dir()}

    assert set(named) == folders - ADDED
    assert {name for name, called in named.items() if called.startswith("the machine")} == machines


def test_every_state_has_its_one_name_everywhere() -> None:
    assert gaps(ROOT) == []


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (
            "functions/command/sync_data/app.py",
            "CommandSyncDataFunction lacks functions/command/sync_data/app.py",
        ),
        (
            "events/command/sync_data.json",
            "CommandSyncDataFunction lacks events/command/sync_data.json",
        ),
        (
            "events/command/start_execution.json",
            "command lacks events/command/start_execution.json",
        ),
        (
            "tests/unit/command/test_sync_data.py",
            "CommandSyncDataFunction lacks tests/unit/command/test_sync_data.py",
        ),
    ],
)
def test_a_missing_file_is_a_gap(copy: Path, path: str, told: str) -> None:
    (copy / path).unlink()

    assert gaps(copy) == [told]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("functions/command/lost/app.py", "functions/command/lost/app.py is not a function of"),
        ("functions/command/finish/help.py", "CommandFinishFunction: help.py lies beside app.py"),
        ("events/command/lost.json", "events/command/lost.json is the payload of no function"),
        ("tests/unit/command/test_lost.py", "tests/unit/command/test_lost.py tests no function"),
        ("tests/unit/kernel/test_lost.py", "tests/unit/kernel/test_lost.py tests no function"),
        ("tests/unit/domain/test_lost.py", "tests/unit/domain has the name of no room"),
        ("statemachine/lost.asl.json", "lost.asl.json is not a machine of template.yaml"),
    ],
)
def test_a_file_that_nothing_names_is_a_gap(copy: Path, path: str, told: str) -> None:
    (copy / path).parent.mkdir(exist_ok=True)
    (copy / path).touch()

    assert [gap[: len(told)] for gap in gaps(copy)] == [told]


@pytest.mark.parametrize(("room", "count"), [("command", 0), ("task", 1), ("care/audit", 1)])
def test_a_test_of_a_room_imports_a_module_of_it(copy: Path, room: str, count: int) -> None:
    path = copy / "tests/unit" / room / "test_lost.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"from {chain.__name__} import close", encoding="utf-8")

    assert len(gaps(copy)) == count


def _inside_a_map(machine: dict) -> dict:
    return machine["States"]["sync_data_all"]["ItemProcessor"]


def _inside_a_parallel(machine: dict) -> dict:
    branch: dict = {"StartAt": "other", "States": {"other": {"Type": "Succeed"}}}
    machine["States"]["both"] = {"Type": "Parallel", "Branches": [branch]}
    return branch


@pytest.mark.parametrize("scope", [lambda machine: machine, _inside_a_map, _inside_a_parallel])
def test_a_state_without_a_function_is_a_gap_wherever_it_is(
    copy: Path, scope: Callable[[dict], dict]
) -> None:
    path = copy / "statemachine/command.asl.json"
    machine = json.loads(path.read_text())
    new_state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": "${CommandSendMailFunction}"},
        "End": True,
    }
    scope(machine)["States"]["send_mail"] = new_state
    path.write_text(json.dumps(machine))

    assert gaps(copy) == ["command: send_mail has no CommandSendMailFunction in template.yaml"]


def test_a_state_that_calls_another_states_function_is_a_gap(copy: Path) -> None:
    path = copy / "statemachine/command.asl.json"
    text = path.read_text()
    path.write_text(text.replace("${CommandFinishFunction}", "${CommandSyncDataFunction}"))

    told = "command: finish calls ${CommandSyncDataFunction}, not its own function"
    assert gaps(copy) == [told]


def test_a_function_in_another_folder_is_a_gap(copy: Path) -> None:
    path = copy / "template.yaml"
    text = path.read_text()
    path.write_text(
        text.replace("functions/schedule/sweep_approvals/", "functions/queue/on_notification/")
    )

    assert gaps(copy) == [
        "ScheduleSweepApprovalsFunction lies in queue/on_notification, where"
        " QueueOnNotificationFunction belongs",
        "functions/schedule/sweep_approvals/app.py is not a function of template.yaml",
        "events/schedule/sweep_approvals.json is the payload of no function",
        "events/schedule/sweep_approvals_ended.json is the payload of no function",
        "tests/unit/schedule/test_sweep_approvals.py tests no function, and nothing of its room",
    ]
