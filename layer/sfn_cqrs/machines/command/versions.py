"""The next version of an item, and its process, as they are first stored."""

from dataclasses import replace
from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.aws.attributes_bucket import Whose
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.command import Audit, Command, Content, Stored
from sfn_cqrs.kernel.ids import new_ulid
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.models import models
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.erased import owner_of
from sfn_cqrs.machines.command.process import Process


def new_command(
    key: ItemKey,
    version: int,
    content: Content,
    by: Audit,
    before: Stored[Any] | None,
    **origin: Any,
) -> Command:
    """Return a version that somebody publishes now; its large attributes are stored already."""
    now = bootstrap.now()
    audit, id_ = replace(by, at=iso(now)), new_ulid(now)
    return Command(
        key=key,
        version=version,
        id=id_,
        content=content,
        digest=content.digest(key),
        created=before.created if before else audit,
        updated=audit,
        shape=models.shape_of(key.type),
        attributes_s3=bootstrap.attributes().store_if_large(
            owner_of(key, content), id_, content.attributes, whose=Whose(key, version)
        ),
        **origin,
    )


def new_process(command: Command) -> Process:
    """Return the process of a new version that a machine applies."""
    return Process(
        key=command.key,
        version=command.version,
        lane=handlers.lane_of(command.key.type),
        command_id=command.id,
        source=command.source,
        trace=bootstrap.trace(),
        opened_at=command.updated.at,
        updated_at=command.updated.at,
    )
