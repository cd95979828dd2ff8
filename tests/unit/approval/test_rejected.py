from functions.approval.rejected.app import lambda_handler  # noqa: F401 - run_state runs it
from tests.unit.approval.decided import OtherwiseDecided

from sfn_cqrs.machines.approval.rules import Status


class TestRejected(OtherwiseDecided):
    status = Status.REJECTED
