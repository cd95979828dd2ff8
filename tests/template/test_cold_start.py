"""What functions and doors import: what their work needs, and no more."""

import json
import subprocess
import sys

import pytest
from tests.template.stack import ROOT

from sfn_cqrs import api, machines
from sfn_cqrs.kernel.models import fields as model_types
from sfn_cqrs.kernel.models import models
from sfn_cqrs.machines import approval, import_csv, saga, task, zip_orchestrator
from sfn_cqrs.machines.command import handlers
from sfn_cqrs_tools.cli.reference.python import public_names

OF_OTHER_MACHINES = (api, approval, import_csv, saga, task, zip_orchestrator)
NOT_WHEN_IT_STARTS = {"boto3", "botocore.session", "msgspec", "pydantic", "urllib3"}
NOT_IN_A_STATE_OF_A_COMMAND = {
    *NOT_WHEN_IT_STARTS,
    "aws_lambda_powertools.event_handler",
    "csv",
    *(module.__name__ for module in OF_OTHER_MACHINES),
    "zipfile",
}
IMPORTS = """
import json, runpy, sys
for path in sys.argv[1:]:
    runpy.run_path(path)
print(json.dumps(list(sys.modules)))
"""
PATH = ":".join(str(ROOT / folder) for folder in ("layer", "app"))
WITHOUT_A_CLIENT = ["api/decide_by_link", "api/show_docs"]
FUNCTIONS = [
    path.parent.relative_to(ROOT / "functions").as_posix()
    for path in sorted((ROOT / "functions").glob("*/*/app.py"))
]


def imported(*functions: str, **environment: str) -> set[str]:
    """The modules of a new interpreter that has imported some functions."""
    paths = [str(ROOT / "functions" / function / "app.py") for function in functions]
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, *paths],
        env={"PYTHONPATH": PATH, "AWS_DEFAULT_REGION": "eu-west-1", **environment},
        check=True,
        capture_output=True,
    )
    return set(json.loads(done.stdout))


def test_no_function_imports_boto3_nor_a_library_of_models():
    assert imported(*FUNCTIONS) & NOT_WHEN_IT_STARTS == set()


def test_a_state_of_a_command_imports_nothing_of_imports_archives_and_the_api():
    states = [function for function in FUNCTIONS if function.startswith("command/")]

    assert len(states) >= 8
    assert imported(*states) & NOT_IN_A_STATE_OF_A_COMMAND == set()


def test_a_function_imports_the_parts_of_a_room_when_it_is_called():
    """So what makes tables of all kinds does not load them, and a queue not the machine's table."""
    functions = [function for function in FUNCTIONS if not function.startswith("api/")]

    assert len(functions) >= 45
    rooms = {name for name in imported(*functions) if name.startswith(f"{machines.__name__}.")}
    assert {name for name in rooms if name.endswith(".parts")} == set()


DECLARES = f"""
import json, sys
from dataclasses import dataclass
from {handlers.__name__} import command_type
import {models.__name__} as models

@dataclass
class Visit:
    minutes: int

command_type("LOOSE")
without = "{model_types.__name__}" in sys.modules
command_type("VISIT", model=Visit)
declared = "msgspec" in sys.modules
models.made("VISIT", {{"minutes": 5}})
print(json.dumps([without, declared, "msgspec" in sys.modules, "pydantic" in sys.modules]))
"""


def test_msgspec_is_imported_by_the_first_typed_publish():
    done = subprocess.run(
        [sys.executable, "-c", DECLARES], env={"PYTHONPATH": PATH}, check=True, capture_output=True
    )

    assert json.loads(done.stdout) == [False, False, True, False]


@pytest.mark.parametrize(
    "function",
    [
        "api/handle_request",
        "command/finish",
        "queue/on_task_action",
        "schedule/sweep_tasks",
        "stream/on_task_changed",
    ],
)
def test_on_lambda_the_start_makes_dynamodbs_client(function):
    assert "boto3" in imported(function, AWS_LAMBDA_INITIALIZATION_TYPE="on-demand")


def test_what_may_do_nothing_makes_no_client():
    found = imported(*WITHOUT_A_CLIENT, AWS_LAMBDA_INITIALIZATION_TYPE="on-demand")

    assert "boto3" not in found


DOORS = {door: names for door, names in public_names(ROOT).items() if door.count(".") == 1}
SAID = ("sfn_cqrs", "__doc__")
"""Loads the package, and no module of it but what finds former paths."""
FINDS = {"sfn_cqrs._door"}
"""How a door finds its names, and `bootstrap` the parts."""
EACH = """
import json, os, sys
for statements in json.loads(sys.argv[1]):
    if os.fork() == 0:
        for module, names in statements:
            exec(f"from {module} import {names}")
        print(json.dumps([*sys.modules]), flush=True)
        os._exit(0)
    os.wait()
"""


def loaded(*packages: list[tuple[str, str]]) -> list[set[str]]:
    """The modules that are loaded after the imports of each package, as (module, "a, b")."""
    done = subprocess.run(
        [sys.executable, "-c", EACH, json.dumps(packages)],
        env={"PYTHONPATH": PATH, "AWS_DEFAULT_REGION": "eu-west-1"},
        check=True,
        capture_output=True,
    )
    return [set(json.loads(line)) for line in done.stdout.splitlines()]


def test_a_door_loads_nothing_itself():
    """But errors: each function needs the three modules that have them."""
    homes = {*DOORS["sfn_cqrs.errors"].values()}
    nothing, errors = loaded([SAID], [(home, "__doc__") for home in sorted(homes)])
    plain = {"sfn_cqrs.errors": errors - nothing | {"sfn_cqrs.errors"}}

    found = loaded(*([(door, "__doc__")] for door in DOORS))
    assert len(found) == len(DOORS) == 11
    for door, modules in zip(DOORS, found, strict=True):
        assert modules - nothing <= plain.get(door, {door, "sfn_cqrs._door"})


@pytest.mark.parametrize("door", [door for door in DOORS if door != "sfn_cqrs.errors"])
def test_a_name_loads_through_its_door_what_its_module_loads(door):
    homes = sorted({*DOORS[door].values()})
    names = [", ".join(name for name, of in DOORS[door].items() if of == home) for home in homes]

    through = loaded(*([(door, each)] for each in names))
    behind = loaded(*([(home, each)] for home, each in zip(homes, names, strict=True)))
    for one, other in zip(through, behind, strict=True):
        assert one - (other - FINDS) == {door, *FINDS}
        assert one & NOT_WHEN_IT_STARTS == set()


def test_a_package_loads_through_doors_what_it_loaded_before():
    """The starter's declarations, as they were imported before there were doors."""
    doors = [
        ("sfn_cqrs.read_models", "read_model, read_model_type, sync_handler"),
        ("sfn_cqrs.types", "MEMBERS, Command, Meta, command_type"),
    ]
    homes = [(DOORS[door][name], name) for door, names in doors for name in names.split(", ")]

    through, behind = loaded(doors, homes)

    assert through - (behind - FINDS) == {"sfn_cqrs.types", "sfn_cqrs.read_models", *FINDS}
    assert through & NOT_IN_A_STATE_OF_A_COMMAND == set()


def test_what_a_door_loads_is_seen():
    plain, more = loaded([SAID], [("sfn_cqrs.tasks", "TaskService")])

    assert "sfn_cqrs.machines.task.service" in more - plain
