"""What functions import when they start: what their work needs, and no more."""

import json
import subprocess
import sys

import pytest
from tests.template.stack import ROOT

from sfn_cqrs import routes
from sfn_cqrs.domain import csv_rows, csv_text, model_types, models, saga, task, zip_directory
from sfn_cqrs.service import approvals, handlers, imports, sagas, tasks, zips

OF_OTHER_MACHINES = (
    approvals,
    csv_rows,
    csv_text,
    imports,
    routes,
    saga,
    sagas,
    task,
    tasks,
    zip_directory,
    zips,
)
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
