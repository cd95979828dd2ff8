"""Makes the parts of rebuilds: their machine and the reader of rows."""

from collections.abc import Callable
from functools import partial

from sfn_cqrs.kernel.aws.executions import Executions
from sfn_cqrs.kernel.aws.parts import executions_of
from sfn_cqrs.kernel.parts import Parts, part
from sfn_cqrs.kernel.read_models.rules import ViewKey
from sfn_cqrs.machines.rebuild.generation_rows import GenerationRows


@part
def rebuild_executions(parts: Parts) -> Executions:
    """Return the machine of rebuilds."""
    return executions_of(parts, "rebuild", parts.variable("READ_MODELS_TABLE"))


@part
def generation_rows(parts: Parts) -> Callable[[ViewKey], GenerationRows]:
    """Return a function that makes the reader of all rows of a read model in DynamoDB."""
    client, table = parts.client("dynamodb"), parts.variable("READ_MODELS_TABLE")
    return partial(GenerationRows, client, table)
