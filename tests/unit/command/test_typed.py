from dataclasses import dataclass

import pytest
from tests.support.typed import declaring

from sfn_cqrs.kernel.errors import InvalidInputError, NotPermittedError, RuleRefusedError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.models.models import InvalidModelError
from sfn_cqrs.kernel.policy import MEMBERS, Client, group
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs_tools.testing.builders import a_command


@dataclass(frozen=True)
class Nest:
    """Eggs in a tree."""

    eggs: int
    tree: str = "oak"


@pytest.fixture
def _undone():
    with declaring():
        yield


@pytest.mark.usefixtures("_undone")
def test_a_handler_has_the_model_of_its_type():
    handlers.command_type("NEST", model=Nest)
    key = ItemKey("tenant1", "NEST", "n-1")

    assert a_command(key, attributes={"eggs": 2}).model == Nest(2)
    assert a_command(key, attributes={"eggs": 2}).as_row().model == Nest(2)
    with pytest.raises(InvalidModelError):
        _ = a_command(key, attributes={"eggs": "two"}).model
    handlers.command_type("NEST")
    with pytest.raises(TypeError, match="NEST has no model"):
        _ = a_command(key, attributes={"eggs": 2}).model


@pytest.mark.usefixtures("_undone")
@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        (
            {"check": lambda _before, _after: None},
            "subject= need model=",
        ),
        ({"model": Nest, "guarded": ("egs",)}, "guarded names egs"),
        ({"model": Nest, "subject": "bird"}, "subject names bird"),
        ({"subject": "tree"}, "need model="),
        ({"model": Nest, "unknown": "drop"}, "refuse or keep"),
    ],
)
def test_a_declaration_that_cannot_be_meant_is_refused(declared, reason):
    with pytest.raises(ValueError, match=reason):
        handlers.command_type("NEST", **declared)


@pytest.mark.usefixtures("_undone", "world")
def test_imports_are_opened_apart_from_publishing():
    handlers.command_type("NEST", imports=group("clerk"))
    clerk, member = Client(groups=frozenset({"clerk"})), Client()

    handlers.check_import("NEST", clerk)
    handlers.check_import("NEST", None)
    for check, client in ((handlers.check_import, member), (handlers.check_publish, clerk)):
        with pytest.raises(NotPermittedError):
            check("NEST", client)


@pytest.mark.usefixtures("_undone", "world")
def test_an_item_that_does_not_fit_can_be_deleted_and_sent_again():
    handlers.command_type("NEST", publish=MEMBERS)
    service = CommandService("tenant1")
    service.publish("NEST", "n-1", name="x", attributes={"eggs": "two"})
    service.publish("NEST", "n-2", name="x", attributes={"eggs": "two"})
    handlers.command_type("NEST", publish=MEMBERS, model=Nest)

    again = service.publish("NEST", "n-1", name="x", attributes={"eggs": "two"}, version=1)
    assert again.is_unchanged
    assert service.delete("NEST", "n-1").version == 2
    emptied = {"name": "x", "attributes": {}, "is_deleted": True, "version": 1}
    assert service.publish("NEST", "n-2", **emptied).version == 2
    with pytest.raises(InvalidModelError):
        service.publish_partial("NEST", "n-1", name="y", is_deleted=False)


@pytest.mark.usefixtures("_undone", "world")
def test_a_rule_is_asked_of_the_version_before_unless_the_item_is_deleted():
    asked = []

    def rule(before, after):
        asked.append((before, after))
        if after.eggs < 0:
            raise InvalidInputError("attributes.eggs", "is less than none")
        return "too many" if after.eggs > 9 else None

    handlers.command_type("NEST", model=Nest, check=rule)
    service = CommandService("tenant1")

    service.publish("NEST", "n-1", name="x", attributes={"eggs": 1})
    service.publish_partial("NEST", "n-1", attributes={"eggs": 2})
    service.delete("NEST", "n-1")
    service.publish_partial("NEST", "n-1", attributes={"eggs": 3}, is_deleted=False)

    assert asked == [
        (None, Nest(1)),
        (Nest(1), Nest(2)),
        (None, Nest(3)),
    ]
    with pytest.raises(RuleRefusedError, match="too many"):
        service.publish_partial("NEST", "n-1", attributes={"eggs": 10})
    with pytest.raises(InvalidInputError, match="less than none"):
        service.publish_partial("NEST", "n-1", attributes={"eggs": -1})


@pytest.mark.usefixtures("_undone", "world")
def test_a_rule_is_not_asked_of_a_version_that_does_not_fit():
    handlers.command_type("NEST")
    service = CommandService("tenant1")
    service.publish("NEST", "n-1", name="x", attributes={"eggs": "two"})
    handlers.command_type("NEST", model=Nest, check=lambda _before, _after: None)

    with pytest.raises(InvalidInputError, match="the version before does not fit"):
        service.publish_partial("NEST", "n-1", attributes={"eggs": 2})


@pytest.mark.usefixtures("_undone")
def test_another_module_cannot_declare_a_type_without_its_model():
    handlers.command_type("NEST", model=Nest)
    elsewhere = {"__name__": "elsewhere", "declare": handlers.command_type}

    with pytest.raises(ValueError, match="NEST is declared in"):
        exec('declare("NEST")', elsewhere)
