from functions.approval.rejected.app import lambda_handler  # noqa: F401 - run_state runs it
from tests.unit.approval.decided import Decided

from sfn_cqrs.domain.approval import Stage, Status


class TestRejected(Decided):
    status = Status.REJECTED


def test_a_type_that_has_nothing_to_do_ends_all_the_same(
    seed, key, world, run_state, handle_decisions
):
    handle_decisions(granted=print)
    seed(status=Status.REJECTED)

    assert run_state() == {"result": "REJECTED"}

    assert world.approvals.find(key).stage is Stage.DONE
