"""Import files: say how the rows of a table become items, start imports, ask how they go."""

from typing import TYPE_CHECKING

from sfn_cqrs._door import door

if TYPE_CHECKING:
    from sfn_cqrs.machines.import_csv.csv.cells import (
        Reader,
        boolean,
        date,
        filled,
        integer,
        number,
        text,
    )
    from sfn_cqrs.machines.import_csv.csv.rows import Problem
    from sfn_cqrs.machines.import_csv.declaration import (
        Column,
        Comparison,
        Duplicates,
        ImportStrategy,
        Record,
        Wanted,
    )
    from sfn_cqrs.machines.import_csv.model_strategy import ModelStrategy
    from sfn_cqrs.machines.import_csv.service import Imported, Request
    from sfn_cqrs.machines.import_csv.strategies import find, import_strategy, wanted_by
    from sfn_cqrs.machines.zip_orchestrator.hooks import FinishedImport, on_import_finished
    from sfn_cqrs.machines.zip_orchestrator.imports import ImportService
    from sfn_cqrs.machines.zip_orchestrator.service import ZipRequest
else:
    __getattr__, __dir__ = door(
        __name__,
        {
            "sfn_cqrs.machines.import_csv.csv.cells": (
                "Reader boolean date filled integer number text"
            ),
            "sfn_cqrs.machines.import_csv.csv.rows": "Problem",
            "sfn_cqrs.machines.import_csv.declaration": (
                "Column Comparison Duplicates ImportStrategy Record Wanted"
            ),
            "sfn_cqrs.machines.import_csv.model_strategy": "ModelStrategy",
            "sfn_cqrs.machines.import_csv.service": "Imported Request",
            "sfn_cqrs.machines.import_csv.strategies": "find import_strategy wanted_by",
            "sfn_cqrs.machines.zip_orchestrator.hooks": "FinishedImport on_import_finished",
            "sfn_cqrs.machines.zip_orchestrator.imports": "ImportService",
            "sfn_cqrs.machines.zip_orchestrator.service": "ZipRequest",
        },
    )

__all__ = [
    "Column",
    "Comparison",
    "Duplicates",
    "FinishedImport",
    "ImportService",
    "ImportStrategy",
    "Imported",
    "ModelStrategy",
    "Problem",
    "Reader",
    "Record",
    "Request",
    "Wanted",
    "ZipRequest",
    "boolean",
    "date",
    "filled",
    "find",
    "import_strategy",
    "integer",
    "number",
    "on_import_finished",
    "text",
    "wanted_by",
]
