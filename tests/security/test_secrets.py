"""Canaries through every function, at every level, on good and bad days; none gets out."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest
from tests.security.canaries import EMAIL, IBAN, REMINDER, SECRET, SESSION, Quoting, day, raising
from tests.simulation.weather import FAULTS, Weather, approvals, saga, tasks
from tests.support.orders import NOWHERE
from tests.support.proof import deep, without
from tests.support.system import silent, template
from tests.support.whole_system import WholeSystem
from tests.template.stack import TEMPLATE, is_added

import sfn_cqrs
from sfn_cqrs.kernel.errors import BusyError, TransientError
from sfn_cqrs.kernel.functions.context import sfn_handler
from sfn_cqrs.kernel.functions.state import naming_transient
from sfn_cqrs.kernel.http.request import _without_traces
from sfn_cqrs.kernel.masking import masked
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.types import SagaType

LEVELS = [logging.DEBUG, logging.INFO]
PLACES = {"responses", "reports", "notices", "logs", "histories", "causes"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"'to {EMAIL}' is not known", "'to [e-mail]' is not known"),
        ("jörg.müller+x@münchen.example", "[e-mail]"),
        (f"{IBAN}, DE89 3704 0044 0532 0130 00.", "[IBAN], [IBAN]."),
        ("GB29-NWBK-6016-1331-9268-19", "[IBAN]"),
        ("NO93 8601 1117 947", "[IBAN]"),  # the shortest there is
        ("MT84MALT011000012345MTLCAST001S", "[IBAN]"),
        (f"{SESSION} {SECRET}", "[secret] [secret]"),
        ("token=AQCEAAAAKgAAAAMAAAAAAAAAAb1ncJ5DL3jNxkL1g2XY", "[secret]"),
    ],
)
def test_what_is_private_is_masked_and_the_words_around_it_stay(text: str, expected: str) -> None:
    assert masked(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "c-01KAXK3V9Q0M3W8C5R6T7Y8Z9A ORDER#o-1 version 3",
        "arn:aws:states:eu-west-1:123456789012:execution:sfn-cqrs-prod-command:ORDER-o-1-v3-attempt1",
        'File "/Users/ada/Work2/sfn-cqrs/layer/sfn_cqrs/machines/task/work.py", line 46, in _tried',
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "ProvisionedThroughputExceededException 2026-11-26T21:48:37.123456+00:00",
    ],
)
def test_what_an_operator_looks_things_up_by_is_not_masked(text: str) -> None:
    assert masked(text) == text


def test_a_long_text_is_masked_in_no_time() -> None:
    text = "a.b-c_d%" * 100_000 + "@" * 1_000 + "AB12" * 10_000

    assert len(masked(text)) > 0


@pytest.mark.parametrize("level", without(LEVELS, [logging.INFO]), ids=logging.getLevelName)
def test_no_canary_leaves_the_tables_on_a_good_day(level: int) -> None:
    told = day(level)

    assert told.found == set()
    assert {where for where, text in told.seen.items() if text} == PLACES
    functions = template().functions.items()
    assert told.functions == {name for name, one in functions if not is_added(one.folder)}


@pytest.mark.proof
def test_no_canary_is_quoted_by_a_call_that_fails() -> None:
    quoting, refusing = Quoting(1, "before"), Quoting(1, "before", api=True)

    told, refused = day(logging.DEBUG, quoting), day(logging.DEBUG, refusing)

    assert told.found | refused.found == set()
    assert len(quoting.met | refusing.met) > 25
    assert "[e-mail], [IBAN], [secret], [secret]" in told.seen["reports"]
    assert "[e-mail]" in told.seen["logs"]
    assert "[e-mail]" in refused.seen["logs"]


@pytest.mark.proof
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 7))
def test_no_canary_is_quoted_by_any_call_that_fails(moment: str, number: int) -> None:
    for is_api in (False, True):
        quoting = Quoting(number, moment, api=is_api)

        assert day(logging.DEBUG, quoting).found == set()
        assert quoting.met


@pytest.mark.proof
@pytest.mark.parametrize("fault", deep([FAULTS[0], FAULTS[-1]], FAULTS), ids=str)
def test_no_canary_leaves_the_tables_in_bad_weather(fault: Any) -> None:
    assert day(logging.DEBUG, Weather(fault).observe).found == set()


def test_no_canary_that_a_users_function_quotes_gets_out() -> None:
    with (
        mock.patch.object(handlers, "find", return_value=raising),
        mock.patch.object(SagaType, "handler", return_value=raising),
        mock.patch.dict(REMINDER, to="1 Lost Lane"),
    ):
        told = day(logging.DEBUG)

    assert told.found == set()
    assert "cannot take [e-mail], [IBAN], [secret], [secret]" in told.seen["causes"]
    assert "cannot take [e-mail], [IBAN], [secret], [secret]" in told.seen["logs"]
    assert "'[personal]' is not an e-mail address" in told.seen["causes"]
    assert "Lost Lane" not in told.seen["causes"] + told.seen["logs"]


def test_clients_of_aws_write_nothing_below_info_whatever_the_root_does() -> None:
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.DEBUG)
    try:
        levels = {
            name: logging.getLogger(name).getEffectiveLevel()
            for name in ("boto3", "botocore.auth", "s3transfer", "urllib3.connectionpool")
        }
    finally:
        root.setLevel(before)

    assert set(levels.values()) == {logging.INFO}, sfn_cqrs.__file__


@pytest.mark.parametrize("wrap", ["machine of ours", "machine of yours"])
def test_what_lambda_reports_of_an_exception_is_masked(wrap: str) -> None:
    def fail(*_: object) -> None:
        raise KeyError({"to": EMAIL}, 7)

    ours = naming_transient()(fail)
    yours = sfn_handler(fail)
    context = {
        "Execution": {"Id": "i", "Input": {}, "Name": "n", "StartTime": "t"},
        "State": {"EnteredTime": "t", "Name": "s"},
        "StateMachine": {"Id": "i", "Name": "n"},
    }

    with pytest.raises(KeyError) as caught:
        ours() if wrap == "machine of ours" else yours({"context": context, "input": None}, None)

    assert caught.value.args == ("{'to': '[e-mail]'}", 7)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TransientError(f"{EMAIL} is busy"), r"^\[e-mail\] is busy$"),
        (BusyError(f"{EMAIL} is busy"), r"^BusyError: \[e-mail\] is busy$"),
    ],
)
def test_what_is_transient_is_masked_too(error: Exception, said: str) -> None:
    with pytest.raises(TransientError, match=said), naming_transient():
        raise error


def test_the_trace_of_whatever_is_shown_is_cut_and_what_users_store_is_not() -> None:
    trace = "KeyError: 'x'\nTraceback (most recent call last):"
    shown = {"cause": trace, "payload": {"cause": trace}}
    body = {**shown, "items": [{**shown}], "log": [{**shown}]}

    _without_traces(body)

    cut = {"cause": "KeyError: 'x'", "payload": {"cause": trace}}
    assert body == {**cut, "items": [cut], "log": [cut]}


def a_failed_version(system: WholeSystem) -> None:
    order = {"type": "ORDER", "code": "o-9", "name": "to nowhere", "attributes": NOWHERE}
    system.ask("POST", "/commands", order)
    system.settle()


def causes_of(shown: dict[str, Any]) -> list[str]:
    lines = [shown, *shown.get("items", ()), *shown.get("log", ())]
    return [line["cause"] for line in lines if line.get("cause")]


@pytest.mark.parametrize(
    ("fails", "listed", "one"),
    [
        (a_failed_version, "/commands/ORDER/o-9", "/commands/ORDER/o-9/1"),
        (tasks, "/tasks?taskType=ORDER_REMINDER", "/tasks/{id}"),
        (saga, "/sagas?status=PARKED", "/sagas/{id}"),
        (approvals, "/approvals?status=ALL", "/approvals/{id}"),
    ],
)
def test_a_stack_trace_is_for_operators_and_its_first_line_for_members(
    fails: Callable[[WholeSystem], None],
    listed: str,
    one: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with silent(), WholeSystem(batch=2) as system:
        sagas = saga_types.find("order-saga")  # which the example has for operators alone
        monkeypatch.setattr(sagas, "access", replace(sagas.access, read=MEMBERS))
        fails(system)
        told = causes_told(system, *listed.split("?"), one=one)

    assert any("Traceback" in cause or "\n" in cause for cause in told["[operator]"])
    assert told["[clerk]"] == [cause.partition("\n")[0] for cause in told["[operator]"]]
    assert told[""] == told["[clerk]"]


def causes_told(
    system: WholeSystem, path: str, query: str = "", *, one: str
) -> dict[str, list[str]]:
    """What the members of each group are told in a list, and of each that is listed."""
    told = {}
    items = system.ask("GET", path, query=query)["items"]
    for groups in ("[operator]", "[clerk]", ""):
        shown = [system.ask("GET", path, query=query, groups=groups)]
        shown += [system.ask("GET", one.format(**each), groups=groups) for each in items]
        told[groups] = [cause for each in shown for cause in causes_of(each)]
    return told


def test_debug_is_refused_in_prod_and_nobodys_default() -> None:
    rule = TEMPLATE.document["Rules"]["NoDebugInProd"]

    assert rule["RuleCondition"] == {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}
    (assertion,) = rule["Assertions"]
    assert assertion["Assert"] == {"Fn::Equals": [{"Ref": "LogLevel"}, "INFO"]}
    assert "use INFO" in assertion["AssertDescription"]
    assert TEMPLATE.document["Parameters"]["LogLevel"]["Default"] == "INFO"
