"""Makes the tables as an erasure reads and changes them."""

from sfn_cqrs.care.audit.parts import audited
from sfn_cqrs.care.erasure.tables import ErasedTables
from sfn_cqrs.kernel.parts import Parts, part


@part
def erased_tables(parts: Parts) -> ErasedTables:
    """Return the tables as an erasure reads and changes them."""
    more = {
        "read_models": parts.variable("READ_MODELS_TABLE"),
        "requests": parts.variable("REQUESTS_TABLE"),
    }
    return ErasedTables(parts.client("dynamodb"), audited(parts) | more, parts.now)
