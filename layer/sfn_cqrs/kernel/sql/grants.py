"""The rights of the functions' role in PostgreSQL: it reads and writes rows, and nothing else."""

import secrets
from collections.abc import Iterator
from typing import Final

from sfn_cqrs.kernel.errors import MigrationError
from sfn_cqrs.kernel.sql.role import Role
from sfn_cqrs.kernel.sql.sql import Transaction

_SALT_BYTES: Final = 16
_KNOWN: Final = """
    SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls AS is_mighty
    FROM pg_roles WHERE rolname = :name"""
_SCHEMAS: Final = """
    SELECT quote_ident(nspname) AS name FROM pg_namespace
    WHERE pg_has_role(nspowner, 'USAGE') AND nspname <> 'information_schema' AND nspname !~ '^pg_'
    ORDER BY 1"""
_TABLES: Final = """
    SELECT format('%I.%I', nspname, relname) AS name, relkind = 'S' AS is_sequence
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND pg_has_role(relowner, 'USAGE')
      AND pg_has_role(nspowner, 'USAGE') AND nspname <> 'information_schema' AND nspname !~ '^pg_'
    ORDER BY 1"""
_DATABASE: Final = "SELECT quote_ident(current_database()) AS name"
_ROWS: Final = "SELECT, INSERT, UPDATE, DELETE"
_NUMBERS: Final = "USAGE, SELECT"


def grant(transaction: Transaction, role: Role, kept: str) -> None:
    """Create the role or change its password, and let it use the rows of every table but one.

    Tables that the owner creates later are usable at once.

    Args:
        transaction: a transaction of the tables' owner, who holds the migration lock.
        role: the functions' role.
        kept: the table that only the owner may use.

    Raises:
        MigrationError: the role exists, and may do more than read and write rows.
        SqlRefusedError: the owner may not make roles.
    """
    known = transaction.rows(_KNOWN, name=role.name)
    if known and known[0]["is_mighty"]:
        raise MigrationError(
            f"the role {role.name} may do more than the functions need: name another, or drop it"
        )
    if not known:
        transaction.run(f"CREATE ROLE {role.name} NOINHERIT")
    for statement in _statements(transaction, role, kept):
        transaction.run(statement)


def _statements(transaction: Transaction, role: Role, kept: str) -> Iterator[str]:
    name = role.name
    verifier = role.verifier(secrets.token_bytes(_SALT_BYTES))
    (database,) = transaction.rows(_DATABASE)
    yield f"ALTER ROLE {name} LOGIN PASSWORD '{verifier}'"
    yield f"ALTER ROLE {name} RESET ALL"  # every role may set its own settings, and keep them
    yield f"ALTER ROLE {name} IN DATABASE {database['name']} RESET ALL"
    yield f"REVOKE TEMPORARY ON DATABASE {database['name']} FROM PUBLIC"
    yield f"ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO {name}"
    yield f"ALTER DEFAULT PRIVILEGES GRANT {_ROWS} ON TABLES TO {name}"
    yield f"ALTER DEFAULT PRIVILEGES GRANT {_NUMBERS} ON SEQUENCES TO {name}"
    for schema in transaction.rows(_SCHEMAS):
        yield f"GRANT USAGE ON SCHEMA {schema['name']} TO {name}"
    tables = transaction.rows(_TABLES)
    for what, rights, is_sequence in (("TABLE", _ROWS, False), ("SEQUENCE", _NUMBERS, True)):
        names = [one["name"] for one in tables if one["is_sequence"] is is_sequence]
        if names:
            yield f"GRANT {rights} ON {what} {', '.join(names)} TO {name}"
    yield f"REVOKE ALL ON TABLE {kept} FROM {name}"
