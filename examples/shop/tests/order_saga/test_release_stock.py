import pytest
from functions.order_saga.release_stock.app import lambda_handler
from functions.order_saga.reserve_stock.app import lambda_handler as reserve_stock
from tests.orders import an_order

from sfn_cqrs.errors import SagaStepError, StepRefusedError, SupersededError, TransientError
from sfn_cqrs.sagas import Entry, EntryStatus, SagaStatus
from sfn_cqrs.types import ItemKey
from sfn_cqrs_tools.testing.builders import ORDERED, a_closing

TWO_KINDS = an_order(lines=[{"sku": "BOOK", "quantity": 2}, {"sku": "PEN", "quantity": 1}])
FAILED = {"Error": "Sandbox.Timedout", "Cause": '{"errorMessage": "Task timed out"}'}


@pytest.fixture
def undo(event):
    return lambda **changes: lambda_handler(event("release_stock", **changes), None)


def test_what_was_taken_is_put_back_once_however_often_it_is_asked_for(
    seed, stock, row, event, undo
):
    seed()
    stock(available=5)
    reserve_stock(event("reserve_stock"), None)

    assert undo() == {"result": "DONE"}
    assert undo(tries=1) == {"result": "DONE"}

    assert row("STOCK", "BOOK") == {"available": 5}


def test_the_first_compensation_turns_the_saga_back_and_says_why(seed, stock, saga, event, undo):
    seed()
    stock()
    reserve_stock(event("reserve_stock"), None)

    undo(input=FAILED)

    assert (saga().status, saga().is_undoing) == (SagaStatus.COMPENSATING, True)
    assert (saga().error, saga().cause) == ("Sandbox.Timedout", "Task timed out")


def test_what_the_step_recorded_says_more_than_what_the_machine_caught(seed, saga, event, undo):
    seed()
    with pytest.raises(SagaStepError):
        reserve_stock(event("reserve_stock"), None)

    undo(input={"Error": "SagaStepError", "Cause": "{}"})

    assert (saga().error, saga().cause) == ("out_of_stock", "BOOK: 0 left, 2 ordered")


def test_only_the_goods_that_were_taken_are_put_back(seed, stock, row, event, undo):
    seed(input=TWO_KINDS)
    stock("BOOK", 5)
    stock("PEN", 0)
    with pytest.raises(SagaStepError):
        reserve_stock(event("reserve_stock"), None)

    undo()

    assert (row("STOCK", "BOOK"), row("STOCK", "PEN")) == ({"available": 5}, {"available": 0})


def test_of_a_step_that_never_began_there_is_nothing_to_undo(seed, saga, undo):
    world = seed(status=SagaStatus.COMPENSATING, is_undoing=True)

    assert undo(input={"result": "NOT_NEEDED"}) == {"result": "NOT_NEEDED"}

    assert saga().log == {}
    assert world.dynamodb.items("RequestsTable") == []


def test_a_step_that_began_and_had_no_effect_never_will_have(seed, stock, saga, row, undo):
    world = seed(log={"reserve_stock": Entry()})
    stock(available=5)

    assert undo() == {"result": "DONE"}

    assert row("STOCK", "BOOK") == {"available": 5}
    assert saga().log["release_stock"].result == {"BOOK": None}
    (request,) = world.dynamodb.items("RequestsTable")
    assert request["body_hash"] == {"S": "void"}


def test_what_it_raises_is_recorded_and_tried_again(seed, saga, undo, made_by):
    seed(log={"reserve_stock": Entry()})
    made_by("release_stock", _broken)

    with pytest.raises(TransientError, match="release_stock: RuntimeError: the shelf is locked"):
        undo()

    assert saga().log["release_stock"].status is EntryStatus.FAILED
    assert saga().status is SagaStatus.COMPENSATING


def test_it_runs_again_after_it_failed_and_forgets_the_error(seed, saga, undo, made_by):
    seed(log={"reserve_stock": Entry()})
    made_by("release_stock", _broken)
    with pytest.raises(TransientError):
        undo()
    made_by("release_stock", lambda _: None)

    assert undo(tries=1) == {"result": "DONE"}

    entry = saga().log["release_stock"]
    assert (entry.status, entry.seq, entry.error) == (EntryStatus.DONE, 1, None)


def test_what_can_never_be_undone_is_not_tried_again(seed, saga, undo, made_by):
    seed(log={"reserve_stock": Entry()})
    made_by("release_stock", _refused)

    with pytest.raises(SagaStepError, match="release_stock: shelf_gone: it was torn down"):
        undo()

    assert saga().log["release_stock"].status is EntryStatus.REFUSED


def test_an_earlier_attempt_may_undo_nothing(seed, undo):
    seed(attempt=2, log={"reserve_stock": Entry()})

    with pytest.raises(SupersededError):
        undo()


def test_a_version_whose_publisher_died_is_handed_to_the_machine_first(
    seed, stock, event, undo, monkeypatch
):
    """The step published and died before it closed its version; nobody else would for minutes."""
    world = seed()
    stock()
    write = world.processes.write

    def killed(key, change):
        return _killed() if isinstance(change, type(a_closing())) else write(key, change)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(world.processes, "write", killed)
        reserve_stock(event("reserve_stock"), None)

    with pytest.raises(TransientError, match="STOCK BOOK: version 2 is OPEN"):
        undo()

    process = world.processes.find(ItemKey("tenant1", "STOCK", "BOOK"), 2)
    assert (process.status, process.attempt) == ("start", 2)


def test_what_is_undone_is_published_under_the_compensations_own_name(seed, stock, event, undo):
    world = seed()
    stock()
    reserve_stock(event("reserve_stock"), None)

    undo()

    command = world.commands.latest(ItemKey("tenant1", "STOCK", "BOOK"))
    assert (command.version, command.request_id) == (3, f"{ORDERED.id}/release_stock")


def _broken(_step):
    raise RuntimeError("the shelf is locked")


def _refused(_step):
    raise StepRefusedError("shelf_gone", "it was torn down")


def _killed(*_arguments, **_named):
    raise KeyboardInterrupt
