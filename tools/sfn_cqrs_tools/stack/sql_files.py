"""The SQL files of the user's package: app/PACKAGE/sql/0001_what_it_does.sql; who applies them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sfn_cqrs.kernel.sql.script import Migration

POSTGRES: Final = "Postgres"
"""The output that says where the owner of the tables connects."""
POSTGRES_ROLE: Final = "PostgresRole"
"""The output that says whom the functions connect as, where that is another."""


def sql_folder(root: Path, package: str) -> Path:
    """Return the folder of a package's migrations."""
    return root / "app" / package / "sql"


def migrations_of(root: Path, package: str) -> list[Migration]:
    """Return the migrations of a package, in no order; none where there is no such folder."""
    files = sorted(sql_folder(root, package).glob("*.sql"))
    return [Migration(file.name, file.read_text(encoding="utf-8")) for file in files]
