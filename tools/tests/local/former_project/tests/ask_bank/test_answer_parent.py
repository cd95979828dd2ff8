from functions.ask_bank.answer_parent.app import lambda_handler


def test_a_result_is_handed_on(sample, lambda_context, monkeypatch):
    event = sample("ask_bank/answer_parent")
    monkeypatch.setattr("sfn_cqrs.service.children.answer", lambda *_: True)

    assert lambda_handler(event, lambda_context) == event["input"]


def test_the_parent_is_told(sample, lambda_context, monkeypatch):
    told = []
    monkeypatch.setattr(
        "sfn_cqrs.service.waits.resume", lambda *given, key: told.append((*given, key)) or True
    )
    event = sample("ask_bank/answer_parent")

    lambda_handler(event, lambda_context)

    parent = event["context"]["Execution"]["Input"]["parent"]
    assert told == [(*parent.values(), event["input"], "")]
