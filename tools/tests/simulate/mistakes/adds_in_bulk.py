"""A count that a batch of an import adds to whenever the batch comes again."""

from dataclasses import dataclass

from sfn_cqrs.imports import ModelStrategy, import_strategy
from sfn_cqrs.read_models import read_model, sync_handler, up_many
from sfn_cqrs.types import command_type


@dataclass(frozen=True)
class Coin:
    metal: str


command_type("COIN", model=Coin)


@import_strategy("coins")
class Coins(ModelStrategy):
    type = "COIN"
    attributes = Coin
    code = "code"


WITH = (Coins,)


def row_of(command):
    return {"metal": command.attributes.get("metal"), "version": command.version}


@sync_handler("COIN")
def wrong(command):
    view, tenant, code = read_model("coins"), command.key.tenant, command.key.code
    view.put_if_newer(tenant, "all", code, row_of(command))


@up_many(wrong)
def wrong_many(commands):
    view = read_model("coins")
    for command in commands:
        wrong(command)
    count = view.add(commands[0].key.tenant, "all", "imported", "count", len(commands))
    view.write_all([count])


@sync_handler("COIN")
def right(command):
    view, tenant, code = read_model("coins"), command.key.tenant, command.key.code
    view.put_if_newer(tenant, "all", code, row_of(command))


@up_many(right)
def right_many(commands):
    for command in commands:
        right(command)
