import pytest
from functions.ask_bank.mark_failed.app import lambda_handler


@pytest.fixture(autouse=True)
def _parent(monkeypatch):
    monkeypatch.setattr("sfn_cqrs.service.waits.refuse", lambda *_, **__: True)


def test_the_execution_ends_with_what_was_caught(sample, lambda_context):
    event = sample("ask_bank/mark_failed")

    answer = lambda_handler(event, lambda_context)

    assert answer == {
        "error": "AccessDeniedException",
        "cause": "the role may not do this",
    }


def test_the_log_names_the_error_and_leaves_out_its_cause(sample, lambda_context, log):
    event = sample("ask_bank/mark_failed")

    lambda_handler(event, lambda_context)

    assert "AccessDeniedException" in log.getvalue()
    assert "the role may not do this" not in log.getvalue()


def test_the_parent_is_told(sample, lambda_context, monkeypatch):
    told = []
    monkeypatch.setattr(
        "sfn_cqrs.service.waits.refuse", lambda *given, key: told.append((*given, key)) or True
    )
    event = sample("ask_bank/mark_failed")

    lambda_handler(event, lambda_context)

    parent = event["context"]["Execution"]["Input"]["parent"]
    assert told == [(*parent.values(), "AccessDeniedException", "the role may not do this", "")]
