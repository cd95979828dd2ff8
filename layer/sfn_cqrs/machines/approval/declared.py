"""Approvals that a rule asks for: of each version that needs one, and once.

A declaration loads no service; one is imported when a handler runs.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from sfn_cqrs.kernel.command import Command
from sfn_cqrs.machines.command import handlers

Rule = Callable[[Command[Any]], bool]
"""Says of a version whether people have to decide on it."""


def ask_when(rule: Rule, type_: str, of: str, module: str) -> None:
    """Have each version of a type request an approval if the rule says so."""

    def handler(command: Command[Any]) -> None:
        if not command.is_deleted and rule(command):
            service = import_module("sfn_cqrs.machines.approval.service")
            service.ApprovalService(command.key.tenant).request_for(type_, command)

    handler.__name__ = f"approval_{type_.lower()}"
    handler.__module__ = module
    handlers.acting_handler(of)(handler)
