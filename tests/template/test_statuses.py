"""The tools take statuses from the enums of the layer, so that a new one is missing nowhere."""

import ast
from collections.abc import Iterator
from enum import StrEnum

import pytest
from tests.template.stack import ROOT, modules

from sfn_cqrs.machines.approval.rules import Stage, Status
from sfn_cqrs.machines.import_csv.job import JobStatus
from sfn_cqrs.machines.saga.rules import SagaStatus
from sfn_cqrs.machines.task.rules import TaskStatus

ENUMS = (Stage, Status, JobStatus, SagaStatus, TaskStatus)
FEW = 3
"""Of fewer, somebody may speak one by one."""


def spelt(tree: ast.Module, enums: tuple[type[StrEnum], ...] = ENUMS) -> Iterator[str]:
    """Yield lists that spell statuses of an enum: three or more, and nothing else."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            given = [one.value for one in node.elts if isinstance(one, ast.Constant)]
            is_whole = len(given) == len(node.elts) >= FEW
            if is_whole and any(set(given) <= {*map(str, enum)} for enum in enums):
                yield ast.unparse(node)


def test_the_tools_spell_no_list_of_statuses() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): lists
        for path, tree in modules("tools/sfn_cqrs_tools")
        if (lists := [*spelt(tree)])
    }

    assert found == {}


@pytest.mark.parametrize(
    ("source", "is_found"),
    [
        ("ENDED = ('COMPLETED', 'FAILED', 'CANCELLED')", True),
        ("SHOWN = ['CREATED', 'RUNNING', 'COMPENSATING']", True),
        ("ENDED = (TaskStatus.COMPLETED, TaskStatus.FAILED, 'CANCELLED')", False),
        ("CASES = ('COMPLETED', 'FAILED', 'PASSED')", False),
        ("BOTH = ('COMPLETED', 'FAILED')", False),
    ],
)
def test_a_list_is_found_if_an_enum_has_all_of_it(source: str, is_found: bool) -> None:
    assert bool([*spelt(ast.parse(source))]) == is_found
