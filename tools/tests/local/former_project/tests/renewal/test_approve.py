from functions.renewal.approve.app import lambda_handler

from sfn_cqrs.service.step_functions import StepFunctionService


def test_the_token_is_kept_and_one_child_is_started_however_often_it_runs(
    sample, lambda_context, world, monkeypatch
):
    started = []
    monkeypatch.setattr(
        StepFunctionService,
        "start_execution",
        lambda _self, arn, data, name: started.append((arn, name, data)) or f"{arn}:{name}",
    )
    event = sample("renewal/approve")

    answers = [lambda_handler(event, lambda_context) for _ in range(2)]

    name = event["context"]["Execution"]["Name"]
    assert answers == [None, None]
    assert world.waits.token(name, "approve") == event["taskToken"]
    assert started[0] == started[1]
    arn, _, data = started[0]
    assert arn.endswith("-ask-bank")
    assert data == {
        "id": event["context"]["Execution"]["Input"]["id"],
        "parent": {"execution": name, "state": "approve"},
    }
