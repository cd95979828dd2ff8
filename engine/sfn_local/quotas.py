"""AWS's quotas, which hold for all engines of a process unless they are lifted.

Source: Step Functions Developer Guide, "Step Functions service quotas".
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from sys import maxsize


@dataclass(slots=True)
class Quotas:
    """The quotas that depend on what executions do; names and ARNs follow AWS's rules always."""

    payload_bytes: int = 262_144
    history_events: int = 25_000
    inline_iterations: int = 40
    definition_bytes: int = 1024 * 1024
    cause_characters: int = 32_768
    open_executions: int = 1_000_000
    open_map_runs: int = 1_000

    def lift(self) -> None:
        """Let everything be as large as it likes."""
        for quota in fields(self):
            setattr(self, quota.name, maxsize)

    def restore(self) -> None:
        """Be AWS's again."""
        for quota in fields(self):
            setattr(self, quota.name, quota.default)


QUOTAS = Quotas()


@contextmanager
def lifted_quotas() -> Iterator[None]:
    """Without quotas, for a while."""
    QUOTAS.lift()
    try:
        yield
    finally:
        QUOTAS.restore()
