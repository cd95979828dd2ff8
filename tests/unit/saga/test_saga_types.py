import pytest

from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.saga_programs import Move
from sfn_cqrs.machines.saga.types import SagaStep, compensation, saga_step


@pytest.fixture(autouse=True)
def _none(monkeypatch):
    monkeypatch.setattr(saga_types, "_types", {})
    monkeypatch.setattr(handlers, "load", lambda: None)


def a_function(module="shop.orders"):
    def function(_step):
        return None

    function.__module__ = module
    return function


def test_steps_keep_their_order_and_have_what_undoes_them():
    for step, undo in (("pack", "unpack"), ("send", "call_back")):
        saga_step("gift", step)(a_function())
        compensation("gift", undo, of=step)(a_function())

    found = saga_types.find("gift")

    assert found.moves == (Move("pack", "unpack"), Move("send", "call_back"))
    assert found.move_undone_by("call_back") == Move("send", "call_back")


def test_a_step_that_nothing_undoes_is_found_out():
    saga_step("gift", "pack")(a_function())

    with pytest.raises(ValueError, match=r"gift: each step needs a compensation.*: pack"):
        saga_types.find("gift")


def test_a_compensation_of_nothing_is_found_out():
    saga_step("gift", "pack")(a_function())
    compensation("gift", "unpack", of="pack")(a_function())
    compensation("gift", "call_back", of="send")(a_function())

    with pytest.raises(ValueError, match="and each compensation: send"):
        saga_types.find("gift")


@pytest.mark.parametrize("saga", ["", "Gift", "gift_saga", "g" * 41])
def test_a_saga_is_named_as_its_machine_can_be(saga):
    with pytest.raises(ValueError, match="cannot be the name of a saga"):
        saga_step(saga, "pack")


@pytest.mark.parametrize("name", ["", "Pack", "pack-it", "9"])
def test_a_step_is_named_as_its_state_can_be(name):
    with pytest.raises(ValueError, match="cannot be the name of a step"):
        saga_step("gift", name)
    with pytest.raises(ValueError, match="cannot be the name of a compensation"):
        compensation("gift", name, of="pack")


def test_a_step_belongs_to_one_module_which_may_be_loaded_again():
    saga_step("gift", "pack")(a_function())
    saga_step("gift", "pack")(a_function())

    with pytest.raises(ValueError, match=r"gift: pack is registered in shop\.orders already"):
        saga_step("gift", "pack")(a_function("shop.gifts"))


def test_a_compensation_belongs_to_one_module():
    compensation("gift", "unpack", of="pack")(a_function())

    with pytest.raises(ValueError, match=r"what undoes pack is registered in shop\.orders already"):
        compensation("gift", "unpack_too", of="pack")(a_function("shop.gifts"))


def test_a_saga_has_at_most_ten_steps():
    for number in range(10):
        saga_step("gift", f"step_{number}")(a_function())

    with pytest.raises(ValueError, match="gift has more than 10 steps"):
        saga_step("gift", "step_10")(a_function())


def test_the_keys_of_a_step_and_of_what_it_undoes_are_the_same_for_every_try():
    step = SagaStep("tenant1", "gift", "g-1", "unpack", 2, {}, undoes="pack")

    assert (step.key, step.undone_key) == ("g-1/unpack", "g-1/pack")
