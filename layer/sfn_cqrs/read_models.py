"""Keep rows that are made for reading: handlers write them, declarations let clients read them.

A sync handler gets each version of a type, and writes a row to DynamoDB (`read_model`) or to
PostgreSQL (`sql`).
"""

from typing import TYPE_CHECKING

from sfn_cqrs._door import door

if TYPE_CHECKING:
    from sfn_cqrs.bootstrap import generation, has_sql, read_model, sql, sums
    from sfn_cqrs.kernel.keys import shard_of
    from sfn_cqrs.kernel.parts import at_once
    from sfn_cqrs.kernel.read_models.read_model import ReadModel
    from sfn_cqrs.kernel.read_models.sums import Sums
    from sfn_cqrs.kernel.sql.sql import Sql, Transaction
    from sfn_cqrs.machines.command.handlers import find_bulk, names_of, sync_handler, up_many
    from sfn_cqrs.machines.command.read_models import (
        Rows,
        TypedRow,
        read_model_type,
        sql_read_model,
    )
    from sfn_cqrs.machines.rebuild.service import Progress, RebuildService
else:
    __getattr__, __dir__ = door(
        __name__,
        {
            "sfn_cqrs.kernel.read_models.read_model": "ReadModel",
            "sfn_cqrs.kernel.read_models.sums": "Sums",
            "sfn_cqrs.kernel.sql.sql": "Sql Transaction",
            "sfn_cqrs.bootstrap": "generation has_sql read_model sql sums",
            "sfn_cqrs.kernel.keys": "shard_of",
            "sfn_cqrs.kernel.parts": "at_once",
            "sfn_cqrs.machines.command.handlers": "find_bulk names_of sync_handler up_many",
            "sfn_cqrs.machines.command.read_models": "Rows TypedRow read_model_type sql_read_model",
            "sfn_cqrs.machines.rebuild.service": "Progress RebuildService",
        },
    )

__all__ = [
    "Progress",
    "ReadModel",
    "RebuildService",
    "Rows",
    "Sql",
    "Sums",
    "Transaction",
    "TypedRow",
    "at_once",
    "find_bulk",
    "generation",
    "has_sql",
    "names_of",
    "read_model",
    "read_model_type",
    "shard_of",
    "sql",
    "sql_read_model",
    "sums",
    "sync_handler",
    "up_many",
]
