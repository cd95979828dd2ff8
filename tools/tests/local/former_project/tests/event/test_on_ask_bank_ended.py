from functions.event.on_ask_bank_ended.app import lambda_handler

from sfn_cqrs.service.step_functions import Ended, StepFunctionService


def test_the_parent_of_a_child_that_was_stopped_is_told(sample, lambda_context, monkeypatch):
    told = []
    parent = {"execution": "p-1", "state": "s"}
    ended = Ended("ABORTED", {"parent": parent}, None, "ChildAborted", "why")
    monkeypatch.setattr(StepFunctionService, "ended", lambda _self, _arn: ended)
    monkeypatch.setattr(
        "sfn_cqrs.service.waits.refuse", lambda *given, key: told.append((*given, key)) or True
    )

    answer = lambda_handler(sample("event/on_ask_bank_ended"), lambda_context)

    assert answer == {"answered": 1}
    assert told == [("p-1", "s", "ChildAborted", "why", "")]
