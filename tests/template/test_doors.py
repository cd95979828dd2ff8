"""The doors: what a user's code imports comes from eleven modules, and from nothing else of ours.

Whoever reads a project of a user's, the example, a page or what a generator writes finds the same
few modules. What stands behind them may move.
"""

import ast
import builtins
import importlib
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support.code_blocks import COMPARED_BY, blocks
from tests.template.stack import ROOT, is_added, modules

from sfn_cqrs._former import FORMER, Former
from sfn_cqrs_tools.cli import cli
from sfn_cqrs_tools.cli.reference.python import DOORS, TESTING, public_names
from sfn_cqrs_tools.runtime import revisions
from sfn_cqrs_tools.stack.framework import FOLDER

NAMES = public_names(ROOT)
OPEN = {*(f"sfn_cqrs.{door}" for door in DOORS), *(f"sfn_cqrs_tools.testing.{m}" for m in TESTING)}
SAMPLE = "number,doctor,minutes\nv-1,kuro,30\nv-2,ito,45\n"
NEW = (
    "handler VISIT --publish members --fields doctor:str,minutes:int",
    "handler NOTE --publish group:nurse",
    "task REMIND --publish code",
    "job CLOSE_DAY --publish members",
    "import visits --from sample.csv --type VISIT --code number --publish members",
    "import places --from sample.csv --publish members",
    "route /visits/{id}/bill --allow members",
    "workflow referral --states check,approve,work --callback approve --long work",
    "workflow report --states ask --callback ask --child-of referral/approve",
    "saga stay --steps room,bill --own-machine",
    "saga trip --steps reserve,charge",
)
"""Every generator, and each of its texts."""


def inner(text: str) -> set[str]:
    """What code imports of ours behind the doors, as `module.name`."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sfn_cqrs"):
            found |= {
                f"{node.module}.{one.name}"
                for one in node.names
                if one.name not in NAMES.get(node.module or "", {})
            }
        elif isinstance(node, ast.Import):
            found |= {one.name for one in node.names if one.name.startswith("sfn_cqrs")} - OPEN
    paths = re.findall(r"[\"'](sfn_cqrs\.[a-z_.]+)", text)  # such as monkeypatch's
    return found | {path for path in paths if ".".join(path.split(".")[:2]) not in OPEN}


def files(*folders: str) -> Iterator[tuple[str, str]]:
    for path, _ in modules(*folders):
        yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def shown() -> Iterator[tuple[str, str]]:
    """The Python of the pages that is a user's; what a page quotes of ours is compared with it."""
    for block in blocks():
        is_ours = block.comment.startswith("code: functions/") or block.page in COMPARED_BY
        if block.language == "python" and not is_ours:
            yield block.place, re.sub(r"…", "...", re.sub(r", …(?=[\]})])", "", block.text))


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What `init` and every `new` write, as a user's own project has it."""
    folder = tmp_path_factory.mktemp("generated")
    with chdir(folder):
        run("init", "clinic", "--type", "APPOINTMENT", "--wheels", str(ROOT))
    with chdir(folder / "clinic"):
        Path("sample.csv").write_text(SAMPLE, encoding="utf-8")
        for line in NEW:
            run("new", *line.split())
    found = (path for path in folder.rglob("*.py") if FOLDER not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in found}


def run(*arguments: str) -> None:
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("folder", ["app", "examples", "tools/tests/local/guest"])
def test_code_of_users_imports_doors_only(folder: str) -> None:
    found = {place: names for place, text in files(folder) if (names := inner(text))}

    assert found == {}


def test_code_that_pages_show_imports_doors_only() -> None:
    found = {place: names for place, text in shown() if (names := inner(text))}

    assert found == {}


def test_code_that_generators_write_imports_doors_only(generated: dict[str, str]) -> None:
    found = {place: names for place, text in generated.items() if (names := inner(text))}

    assert found == {}
    assert len(generated) >= 40
    assert {"sfn_cqrs.sagas", "sfn_cqrs.workflows", "sfn_cqrs.imports"} <= {
        door for door in OPEN for text in generated.values() if f"from {door} import" in text
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("from sfn_cqrs.domain.command import Command", {"sfn_cqrs.domain.command.Command"}),
        ("from sfn_cqrs import bootstrap", {"sfn_cqrs.bootstrap"}),
        ("from sfn_cqrs.types import sync_handler", {"sfn_cqrs.types.sync_handler"}),
        ("import sfn_cqrs.service.waits", {"sfn_cqrs.service.waits"}),
        ("def late():\n    from sfn_cqrs.domain import keys", {"sfn_cqrs.domain.keys"}),
        ('patch.setattr("sfn_cqrs.service.waits.park", 1)', {"sfn_cqrs.service.waits.park"}),
        ('patch.setattr("sfn_cqrs.workflows.waits.park", 1)', set()),
        ("from sfn_cqrs.types import MEMBERS\nimport sfn_cqrs.errors", set()),
    ],
)
def test_an_import_behind_a_door_is_found(text: str, told: set[str]) -> None:
    assert inner(text) == told


@pytest.mark.parametrize("door", DOORS)
def test_a_door_has_its_names_and_nothing_else(door: str) -> None:
    module = importlib.import_module(f"sfn_cqrs.{door}")
    path = f"sfn_cqrs.{door}"

    assert list(NAMES[path]) == module.__all__
    assert set(module.__all__) <= set(dir(module))
    for name, home in NAMES[path].items():
        assert home != path, f"{name} stands in the door"
        assert getattr(module, name) is getattr(__import__(home, fromlist=[name]), name)
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
    assert not [node for node in tree.body if isinstance(node, kinds)]
    assert module.__doc__


def test_a_name_of_two_doors_is_one_thing() -> None:
    homes: dict[str, set[str]] = {}
    for door in DOORS:
        for name, home in NAMES[f"sfn_cqrs.{door}"].items():
            homes.setdefault(name, set()).add(home)

    assert {name for name, found in homes.items() if len(found) > 1} == {"find"}


def test_a_door_has_no_other_name() -> None:
    types = importlib.import_module("sfn_cqrs.types")

    with pytest.raises(AttributeError, match="has no attribute 'membres'"):
        _ = types.membres


def test_nothing_behind_a_door_comes_through_it() -> None:
    doors = {f"sfn_cqrs.{door}" for door in DOORS}
    found = [
        path.relative_to(ROOT).as_posix()
        for path, tree in modules("layer", "functions")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in doors
        if not is_added(path.parent)
        if not (node.module == "sfn_cqrs.routes" and path.parts[-2] in ("handle_request",))
        and any(one.name in NAMES[node.module] for one in node.names)
    ]

    assert found == []


FORMER_NAMES = {
    "sfn_cqrs.adapters.paging": "Page",
    "sfn_cqrs.adapters.read_model": "ReadModel",
    "sfn_cqrs.adapters.saga_items": "SAGAS",
    "sfn_cqrs.adapters.sql": "Sql Transaction",
    "sfn_cqrs.domain": "saga_programs",
    "sfn_cqrs.domain.approval": "Pinned Status Verdict Vote",
    "sfn_cqrs.domain.cells": "Reader boolean date filled integer number text",
    "sfn_cqrs.domain.command": "Audit Command Content DataRow Stored",
    "sfn_cqrs.domain.csv_rows": "Problem",
    "sfn_cqrs.domain.errors": (
        "InvalidInputError SagaLogError SagaStepError StepRefusedError SupersededError"
        " TransientError UnknownSagaError VersionConflictError"
    ),
    "sfn_cqrs.domain.failure": "Failure",
    "sfn_cqrs.domain.import_strategy": (
        "Column Comparison Duplicates ImportStrategy Record Wanted"
    ),
    "sfn_cqrs.domain.keys": "ItemKey SagaRef shard_of",
    "sfn_cqrs.domain.model_strategy": "ModelStrategy",
    "sfn_cqrs.domain.models": "InvalidModelError Meta Personal",
    "sfn_cqrs.domain.policy": "CODE MACHINES MEMBERS Client Policy group own",
    "sfn_cqrs.domain.process": "Outcome",
    "sfn_cqrs.domain.saga": "End Entry EntryStatus SagaStatus",
    "sfn_cqrs.domain.values": "Json",
    "sfn_cqrs.service": "children waits",
    "sfn_cqrs.service.approvals.effects": "publish_decided",
    "sfn_cqrs.service.approvals.service": "ApprovalService",
    "sfn_cqrs.service.approvals.types": (
        "Decided approval_type handler_of when_expired when_rejected when_stale"
    ),
    "sfn_cqrs.service.children": "answering",
    "sfn_cqrs.service.commands.operations": "ChainService Link",
    "sfn_cqrs.service.commands.service": "Caller CommandService Published",
    "sfn_cqrs.service.context": "Execution State StateMachine StepFunctionsContext sfn_handler",
    "sfn_cqrs.service.data": "DataService HistoryService",
    "sfn_cqrs.service.handlers": (
        "command_type erasures find_bulk names_of on_notice sync_handler up_many"
    ),
    "sfn_cqrs.service.imports.service": "ImportService Imported Request",
    "sfn_cqrs.service.imports.strategies": "find import_strategy wanted_by",
    "sfn_cqrs.service.logs": "logged_as logger",
    "sfn_cqrs.service.read_models": "Rows TypedRow read_model_type sql_read_model",
    "sfn_cqrs.service.rebuilds.service": "Progress RebuildService",
    "sfn_cqrs.service.routes": "Asked own_routes route",
    "sfn_cqrs.service.sagas.effects": "publish_once undo_once",
    "sfn_cqrs.service.sagas.service": "SagaService",
    "sfn_cqrs.service.sagas.state": "SagaState saga_state",
    "sfn_cqrs.service.sagas.types": "SagaStep compensation find saga_step saga_type",
    "sfn_cqrs.service.step_functions": "Beats Ended StepFunctionService execution_name",
    "sfn_cqrs.service.tasks.service": "TaskService TaskState",
    "sfn_cqrs.service.tasks.types": "TaskItem find task_handler",
    "sfn_cqrs.service.zips.hooks": "FinishedImport on_import_finished",
    "sfn_cqrs.service.zips.service": "ZipRequest",
}
"""What code of users imported before there were doors, by the module that had it."""
IMPORTED = [(module, name) for module, names in FORMER_NAMES.items() for name in names.split()]


@pytest.mark.parametrize(("module", "name"), IMPORTED)
def test_a_former_path_has_its_name(module: str, name: str) -> None:
    """Whether the module is still there or not."""
    found: dict[str, object] = {}
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        exec(f"from {module} import {name}", found)

    (door,) = {d for d in FORMER[module].split() if name in NAMES[f"sfn_cqrs.{d}"]}
    assert found[name] is getattr(importlib.import_module(f"sfn_cqrs.{door}"), name)
    assert {one.category for one in told} <= {DeprecationWarning}


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every former module as it is once it has moved away, below another name."""
    moved = {f"before_{module}": doors for module, doors in FORMER.items()}
    monkeypatch.setattr("sys.meta_path", [*sys.meta_path, Former(moved)])
    yield
    for name in [each for each in sys.modules if each.startswith("before_sfn_cqrs")]:
        del sys.modules[name]


@pytest.mark.usefixtures("gone")
@pytest.mark.parametrize(("module", "name"), IMPORTED)
def test_a_module_that_is_gone_warns_once_and_names_the_door(module: str, name: str) -> None:
    (door,) = {d for d in FORMER[module].split() if name in NAMES[f"sfn_cqrs.{d}"]}
    found: dict[str, object] = {}
    folder, _, tail = module.rpartition(".")
    is_whole = tail in NAMES["sfn_cqrs.workflows"]  # the door has the module itself

    with pytest.warns(DeprecationWarning, match="is gone: import") as told:
        exec(compile(f"from before_{module} import {name}", "of_a_user.py", "exec"), found)

    assert found[name] is getattr(importlib.import_module(f"sfn_cqrs.{door}"), name)
    assert [str(one.message) for one in told] == [
        f"before_{folder if is_whole else module} is gone: import {tail if is_whole else name} from"
        f" sfn_cqrs.{door}; the next release does not know the old path"
    ]
    assert told[0].filename == "of_a_user.py"


@pytest.mark.usefixtures("gone")
def test_the_warning_names_who_imports_also_where_something_stands_in_for_import(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As where `up` takes what is saved."""
    monkeypatch.setattr(builtins, "__import__", revisions._import)

    with pytest.warns(DeprecationWarning, match="import waits from sfn_cqrs.workflows") as told:
        exec(compile("from before_sfn_cqrs.service import waits", "of_a_user.py", "exec"), {})

    assert told[0].filename == "of_a_user.py"


@pytest.mark.usefixtures("gone")
@pytest.mark.parametrize(
    "text",
    [
        "patch.setattr('before_sfn_cqrs.service.waits.resume', None)",
        "importlib.import_module('before_sfn_cqrs.service.waits')",
    ],
)
def test_the_warning_names_who_gives_the_path_as_a_text(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        known = {"patch": patch, "importlib": importlib}
        with pytest.warns(DeprecationWarning, match="import waits from sfn_cqrs.workflows") as told:
            exec(compile(text, "of_a_user.py", "exec"), known)

    assert {one.filename for one in told} == {"of_a_user.py"}


@pytest.mark.usefixtures("gone")
def test_each_file_that_imports_by_an_old_path_is_warned_of() -> None:
    """Whoever takes the old paths out finds all of them at once."""
    places = [f"{name}.py" for name in ("first", "second")]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for place in places:
            exec(compile("from before_sfn_cqrs.service import waits", place, "exec"), {})

    assert [one.filename for one in told] == places


@pytest.mark.usefixtures("gone")
def test_modules_that_are_gone_are_found_by_each_way_to_import_them() -> None:
    with pytest.warns(DeprecationWarning, match="import waits from sfn_cqrs.workflows"):
        waits = importlib.import_module("before_sfn_cqrs.service.waits")
    with pytest.warns(DeprecationWarning, match="import find from sfn_cqrs.sagas"):
        exec("from before_sfn_cqrs.service.sagas import types\ntypes.find")
    with pytest.raises(ImportError, match="cannot import name 'Process'"):
        exec("from before_sfn_cqrs.domain.process import Process")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("before_sfn_cqrs.domain.no_such")

    assert waits is importlib.import_module("sfn_cqrs.workflows").waits


def test_every_former_module_is_one_that_code_of_users_imported() -> None:
    assert set(FORMER) - set(FORMER_NAMES) == {"sfn_cqrs.service.waits"}  # by its module
