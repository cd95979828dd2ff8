"""The client tokens of RedriveExecution.

Source: Step Functions API Reference, RedriveExecution, clientToken.
"""

from datetime import UTC, datetime

from sfn_local.registry.redrives import Redrives

MOMENT = datetime(2026, 11, 25, 12, tzinfo=UTC)
NOW = MOMENT.timestamp()


def test_the_last_ten_tokens_of_an_execution_are_known() -> None:
    redrives = Redrives()
    for number in range(11):
        redrives.keep("a", f"token-{number}", MOMENT)

    known = [redrives.find("a", f"token-{number}", NOW) for number in range(11)]

    assert known == [None, *[MOMENT] * 10]


def test_a_token_is_known_for_fifteen_minutes_and_of_its_own_execution() -> None:
    redrives = Redrives()
    redrives.keep("a", "token", MOMENT)

    assert redrives.find("a", "token", NOW + 899) == MOMENT
    assert redrives.find("a", "token", NOW + 900) is None
    assert redrives.find("b", "token", NOW) is None
    assert redrives.find("a", None, NOW) is None
