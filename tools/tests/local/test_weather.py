"""The weather of `up --weather`: what fails, what is spared, and what API Gateway answers."""

from collections import Counter
from pathlib import Path

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from tests.support.stubs import a_client

from sfn_cqrs.kernel.aws.transient import is_busy
from sfn_cqrs_tools.runtime.handlers import Call, Failure
from sfn_cqrs_tools.runtime.template import Function
from sfn_cqrs_tools.runtime.weather import LOST, REFUSALS, Forecast, Weather

FUNCTION = Function(
    logical_id="OrderFunction",
    name="order",
    arn="arn:aws:lambda:us-east-1:000000000000:function:order",
    folder=Path(),
    handler="app.handler",
    timeout=3,
    memory=128,
    environment={},
)
CALL = Call(FUNCTION, b"{}", "a-request", 0.0)


def outcomes(weather: Weather, times: int = 1_000) -> Counter[str]:
    """How often invocations end how; the handler always answers."""
    answers = [weather.invoked(CALL, lambda _call: b"{}") for _ in range(times)]
    return Counter(one.kind if isinstance(one, Failure) else "answered" for one in answers)


def test_a_share_of_invocations_is_refused_and_a_share_of_answers_is_lost() -> None:
    seen = outcomes(Weather(Forecast(0.2, seed=7), lambda: "OrderFunction"))

    assert seen.keys() == {"answered", LOST, *REFUSALS}
    assert 150 < sum(seen[kind] for kind in REFUSALS) < 250
    assert 110 < seen[LOST] < 210


def test_the_same_seed_is_the_same_weather() -> None:
    def weather() -> Weather:
        return Weather(Forecast(0.2, seed=7), lambda: "OrderFunction")

    assert outcomes(weather()) == outcomes(weather())


def test_what_api_gateway_invokes_loses_no_answer() -> None:
    spared = Forecast(0.2, 7, frozenset({"OrderFunction"}))

    assert LOST not in outcomes(Weather(spared, lambda: "OrderFunction"))


def test_where_there_is_no_weather_nothing_fails() -> None:
    assert outcomes(Weather(Forecast(0.0, seed=7), lambda: None)) == {"answered": 1_000}


def test_a_forecast_goes_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    forecast = Forecast(0.04, 7, frozenset({"A", "B"}))
    monkeypatch.setenv("SFN_CQRS_WEATHER", str(forecast))

    assert Forecast.of_environment() == forecast


@pytest.mark.parametrize("function", ["OrderFunction", None])
def test_only_the_calls_of_functions_fail_and_each_failure_is_a_busy_aws(
    function: str | None,
) -> None:
    weather = Weather(Forecast(1.0, seed=7), lambda: function)
    weather.start()
    try:
        config = Config(retries={"total_max_attempts": 1}, connect_timeout=1)
        client = a_client("dynamodb", endpoint_url="http://127.0.0.1:9", config=config)
    finally:
        weather.stop()

    with pytest.raises((ClientError, BotoCoreError)) as raised:
        client.get_item(TableName="t", Key={"pk": {"S": "1"}})

    assert is_busy(raised.value)
    assert weather.met.total() == (0 if function is None else 1)
