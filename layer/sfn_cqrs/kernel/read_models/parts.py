"""Makes the read models and their generations."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from sfn_cqrs.kernel.parts import Parts, part
from sfn_cqrs.kernel.read_models.items import PROBLEMS, SEGMENTS, VIEWS
from sfn_cqrs.kernel.read_models.read_model import Generations, ReadModel
from sfn_cqrs.kernel.read_models.rules import Problem, Segment, View
from sfn_cqrs.kernel.tables.parts import records_of
from sfn_cqrs.kernel.tables.records import Records


@part
def read_models(parts: Parts) -> Callable[..., ReadModel]:
    """Return a function that makes a view of the table of read models, by name and bucket count."""
    client, table = parts.client("dynamodb"), parts.variable("READ_MODELS_TABLE")
    return partial(ReadModel, client, table, generation=generations(parts).of)


@part
def views(parts: Parts) -> Records[View]:
    """Return the generations of the read models that were ever rebuilt."""
    return records_of(parts, VIEWS, parts.variable("READ_MODELS_TABLE"))


@part
def segments(parts: Parts) -> Records[Segment]:
    """Return the progress of rebuilds."""
    return records_of(parts, SEGMENTS, parts.variable("READ_MODELS_TABLE"))


@part
def problems(parts: Parts) -> Records[Problem]:
    """Return the problems that rebuilds found."""
    return records_of(parts, PROBLEMS, parts.variable("READ_MODELS_TABLE"))


@part
def generations(parts: Parts) -> Generations:
    """Return the generations of each read model that are read and written."""
    known = timedelta(seconds=parts.number("GENERATIONS_KNOWN_SECONDS"))
    return Generations(views(parts), known, parts.now)
