"""The page of the Python API: signatures and docstrings of what a package of yours imports.

It is read from the source, so that no module is imported and every Python writes the same page.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

Function = ast.FunctionDef | ast.AsyncFunctionDef

API: Final[Mapping[str, Mapping[str, str]]] = {
    "Declare": {
        "sfn_cqrs.service.handlers": "command_type sync_handler up_many on_notice erasures",
        "sfn_cqrs.service.read_models": "read_model_type sql_read_model Rows TypedRow",
        "sfn_cqrs.service.tasks.types": "task_handler TaskItem",
        "sfn_cqrs.service.imports.strategies": "import_strategy",
        "sfn_cqrs.domain.import_strategy": "ImportStrategy Column Record Comparison Duplicates",
        "sfn_cqrs.domain.model_strategy": "ModelStrategy",
        "sfn_cqrs.domain.cells": "filled text integer number boolean date",
        "sfn_cqrs.service.zips.hooks": "on_import_finished FinishedImport",
        "sfn_cqrs.service.approvals.types": (
            "approval_type when_rejected when_stale when_expired Decided"
        ),
        "sfn_cqrs.service.approvals.effects": "publish_decided",
        "sfn_cqrs.service.sagas.types": "saga_type saga_step compensation SagaStep",
        "sfn_cqrs.service.sagas.effects": "publish_once undo_once",
        "sfn_cqrs.service.routes": "route Asked",
        "sfn_cqrs.domain.policy": "group own Policy Client",
        "sfn_cqrs.domain.models": "Meta Personal",
    },
    "Ask and change": {
        "sfn_cqrs.service.commands.service": "CommandService Published",
        "sfn_cqrs.domain.caller": "Caller",
        "sfn_cqrs.service.commands.operations": "ChainService Link",
        "sfn_cqrs.service.data": "DataService HistoryService",
        "sfn_cqrs.service.tasks.service": "TaskService TaskState",
        "sfn_cqrs.service.imports.service": "ImportService Request Imported",
        "sfn_cqrs.service.zips.service": "ZipRequest",
        "sfn_cqrs.service.approvals.service": "ApprovalService",
        "sfn_cqrs.service.sagas.service": "SagaService",
        "sfn_cqrs.service.rebuilds.service": "RebuildService Progress",
        "sfn_cqrs.adapters.read_model": "ReadModel",
        "sfn_cqrs.adapters.sql": "Sql Transaction",
        "sfn_cqrs.bootstrap": "read_model sql has_sql generation",
    },
    "State machines of your own": {
        "sfn_cqrs.service.context": "sfn_handler StepFunctionsContext Execution State StateMachine",
        "sfn_cqrs.service.step_functions": "StepFunctionService Beats execution_name",
        "sfn_cqrs.service.waits": "park resume refuse",
        "sfn_cqrs.service.children": "start answer refuse answering",
        "sfn_cqrs.service.logs": "logged_as",
    },
    "Test": {
        "sfn_cqrs_tools.testing.builders": "a_command",
        "sfn_cqrs_tools.testing.golden": "golden_documents",
        "sfn_cqrs_tools.testing.plugin": (
            "world make_world sample lambda_context log quick_stack LambdaContext"
        ),
    },
    "What is passed": {
        "sfn_cqrs.domain.command": "Stored Command Content DataRow Audit",
        "sfn_cqrs.domain.keys": "ItemKey shard_of",
        "sfn_cqrs.adapters.paging": "Page",
        "sfn_cqrs.domain.errors": "InvalidInputError TransientError StepRefusedError",
    },
}
"""The modules that a package of yours imports, by purpose; constants are left out."""

HEAD: Final = """# Python API

Names that your package imports, with signatures and docstrings. Made by `make reference`; do not
edit. All other names are internal and may change without notice. [errors.md](errors.md) explains
each error.
"""
_SECTION: Final = re.compile(r"^(Args|Raises|Returns|Yields):$", re.MULTILINE)


def python_api(root: Path) -> str:
    """Return the page, in Markdown."""
    lines = [HEAD]
    for part, of_modules in API.items():
        lines.append(f"## {part}\n")
        for module, names in of_modules.items():
            lines.append(f"### {module}\n")
            folder = "tools" if module.startswith("sfn_cqrs_tools.") else "layer"
            path = root / folder / f"{module.replace('.', '/')}.py"
            lines += _entries(path, names.split())
    return "\n".join(lines)


def _entries(path: Path, names: list[str]) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    nodes = {node.name: node for node in tree.body if isinstance(node, Function | ast.ClassDef)}
    for name in names:
        node = nodes[name]
        yield from _class(node) if isinstance(node, ast.ClassDef) else _function(node)


def _function(node: Function, owner: str = "") -> Iterator[str]:
    yield f"{'####' if not owner else '#####'} {owner}{node.name}\n"
    yield f"```text\n{_signature(node, owner)}\n```\n"
    yield _prose(ast.get_docstring(node) or "")


def _class(node: ast.ClassDef) -> Iterator[str]:
    yield f"#### {node.name}\n"
    bases = ", ".join(ast.unparse(base) for base in node.bases)
    yield f"```text\nclass {node.name}{f'({bases})' if bases else ''}\n```\n"
    yield _prose(ast.get_docstring(node) or "")
    fields = [
        f"- `{ast.unparse(one).partition(' = ')[0]}`"
        for one in node.body
        if isinstance(one, ast.AnnAssign) and not ast.unparse(one.target).startswith("_")
    ]
    if fields:
        yield "\n".join(fields) + "\n"
    for one in node.body:
        if isinstance(one, Function) and _is_told(one):
            yield from _function(one, f"{node.name}.")


def _is_told(node: Function) -> bool:
    return node.name == "__init__" or not node.name.startswith("_")


def _signature(node: Function, owner: str) -> str:
    """Return a signature on one line, or with one argument per line if it is long."""
    arguments = ast.unparse(node.args)
    for own in ("self, ", "cls, ", "self", "cls"):
        if owner and arguments.startswith(own):
            arguments = arguments.removeprefix(own)
            break
    answer = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    name = owner.rstrip(".") if node.name == "__init__" else f"{owner}{node.name}"
    if any(ast.unparse(one) == "property" for one in node.decorator_list):
        return f"{name}{answer.replace(' ->', ':')}"
    return f"{name}({arguments}){'' if node.name == '__init__' else answer}"


def _prose(docstring: str) -> str:
    """Return a docstring in Markdown: its sections are lists."""
    text, *sections = _SECTION.split(docstring)
    parts = [text.strip()]
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        entries = re.split(r"\n(?=\S)", _dedented(body).strip("\n"))
        listed = "\n".join(f"- {' '.join(entry.split())}" for entry in entries)
        parts.append(f"{title}:\n\n{listed}")
    return "\n\n".join(filter(None, parts)) + "\n"


def _dedented(body: str) -> str:
    lines = body.split("\n")
    return "\n".join(line.removeprefix("    ") for line in lines)
