"""Import files: say how the rows of a table become items, start imports, ask how they go."""

from typing import TYPE_CHECKING

from sfn_cqrs._door import door

if TYPE_CHECKING:
    from sfn_cqrs.domain.cells import Reader, boolean, date, filled, integer, number, text
    from sfn_cqrs.domain.csv_rows import Problem
    from sfn_cqrs.domain.import_strategy import (
        Column,
        Comparison,
        Duplicates,
        ImportStrategy,
        Record,
        Wanted,
    )
    from sfn_cqrs.domain.model_strategy import ModelStrategy
    from sfn_cqrs.service.imports.service import Imported, ImportService, Request
    from sfn_cqrs.service.imports.strategies import find, import_strategy, wanted_by
    from sfn_cqrs.service.zips.hooks import FinishedImport, on_import_finished
    from sfn_cqrs.service.zips.service import ZipRequest
else:
    __getattr__, __dir__ = door(
        __name__,
        {
            "sfn_cqrs.domain.cells": "Reader boolean date filled integer number text",
            "sfn_cqrs.domain.csv_rows": "Problem",
            "sfn_cqrs.domain.import_strategy": (
                "Column Comparison Duplicates ImportStrategy Record Wanted"
            ),
            "sfn_cqrs.domain.model_strategy": "ModelStrategy",
            "sfn_cqrs.service.imports.service": "Imported ImportService Request",
            "sfn_cqrs.service.imports.strategies": "find import_strategy wanted_by",
            "sfn_cqrs.service.zips.hooks": "FinishedImport on_import_finished",
            "sfn_cqrs.service.zips.service": "ZipRequest",
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
