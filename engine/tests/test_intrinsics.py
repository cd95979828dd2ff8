"""Intrinsic functions.

Source: Step Functions Developer Guide, "Intrinsic functions for JSONPath states". Rounding,
splitting and empty strings are as AWS recorded them in localstack's
tests/aws/services/stepfunctions/v2/intrinsic_functions/*.snapshot.json.
"""

import random
import re
from typing import Any

import pytest

from sfn_local.language.intrinsics import Call, parse_expression
from sfn_local.language.intrinsics.functions import FUNCTIONS, IntrinsicError
from sfn_local.language.jsonpath import PathSyntaxError

DATA: dict[str, Any] = {
    "name": "Jo",
    "n": 3,
    "list": [1, 2, 3, 4, 5],
    "object": {"a": 1},
    "template": "{} and {}",
    "quote": "it's",
    "empty": "",
}


def evaluate(text: str) -> Any:
    call = parse_expression(text)
    assert isinstance(call, Call)
    return call.evaluate(lambda path: path.read(DATA), random.Random(1).random)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("States.Format('Hello, {}.', $.name)", "Hello, Jo."),
        ("States.Format('{}{}{}', 1, true, null)", "1truenull"),
        ("States.Format('{}', 1.5)", "1.5"),
        ("States.Format('{}', $.object)", "{a=1}"),
        ("States.Format('plain')", "plain"),
        (r"States.Format('\{\} {} it\'s \\', $.n)", "{} 3 it's \\"),
        ("States.Format($.template, 'a', 'b')", "a and b"),
        ("States.Format('{}', States.Format('<{}>', $.name))", "<Jo>"),
        ("""States.StringToJson('{"a": [1, null]}')""", {"a": [1, None]}),
        ("States.StringToJson('')", None),
        ("States.StringToJson(' ')", None),
        ("States.JsonToString($.object)", '{"a":1}'),
        ("States.JsonToString('x')", '"x"'),
        ("States.Array()", []),
        ("States.Array('a', 1, null, true, $.object)", ["a", 1, None, True, {"a": 1}]),
        ("States.Array('a, b', '(c)')", ["a, b", "(c)"]),
        ("States.ArrayPartition($.list, 2)", [[1, 2], [3, 4], [5]]),
        ("States.ArrayPartition($.list, 9)", [[1, 2, 3, 4, 5]]),
        ("States.ArrayContains($.list, 5)", True),
        ("States.ArrayContains($.list, '5')", False),
        ("States.ArrayContains(States.Array(1), true)", False),
        ("States.ArrayRange(1, 9, 2)", [1, 3, 5, 7, 9]),
        ("States.ArrayRange(5, 1, -2)", [5, 3, 1]),
        ("States.ArrayRange(1, 1000, 1)", list(range(1, 1001))),
        ("States.ArrayGetItem($.list, 1)", 2),
        ("States.ArrayLength($.list)", 5),
        ("States.ArrayUnique(States.Array(1, 1, 2, true, 'a', 'a'))", [1, 2, True, "a"]),
        ("States.Base64Encode('Data to encode')", "RGF0YSB0byBlbmNvZGU="),
        ("States.Base64Encode('日')", "5pel"),
        ("States.Base64Decode('RGVjb2RlZCBkYXRh')", "Decoded data"),
        ("States.Hash('input data', 'MD5')", "812f45842bc6d66ee14572ce20db8e86"),
        ("States.Hash('input data', 'SHA-1')", "aaff4a450a104cd177d28d18d74485e8cae074b7"),
        ("States.JsonMerge($.object, $.object, false)", {"a": 1}),
        (
            """States.JsonMerge(States.StringToJson('{"a":{"x":1},"b":1}'),"""
            """ States.StringToJson('{"a":{"y":2}}'), false)""",
            {"a": {"y": 2}, "b": 1},
        ),
        ("States.MathAdd(111, -11)", 100),
        ("States.MathAdd(1.49, 1.5)", 3),
        ("States.MathAdd(-1.5, 0)", -1),
        ("States.MathAdd(-1.51, 0)", -2),
        ("States.MathAdd(0.5, 0)", 1),
        ("States.StringSplit('1,2,3,4,5', ',')", ["1", "2", "3", "4", "5"]),
        (
            "States.StringSplit('This.is+a,test=string', '.+,=')",
            ["This", "is", "a", "test", "string"],
        ),
        ("States.StringSplit(',,,,', ',')", []),
        ("States.StringSplit(' , ', ',')", [" ", " "]),
        ("States.StringSplit($.quote, '\\'')", ["it", "s"]),
    ],
)
def test_a_call_has_its_value(text: str, value: Any) -> None:
    result = evaluate(text)

    assert result == value
    assert type(result) is type(value)


def test_a_uuid_is_of_version_4() -> None:
    pattern = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"

    assert re.fullmatch(pattern, evaluate("States.UUID()"))


def test_a_random_number_is_at_least_the_start_and_below_the_end() -> None:
    call = parse_expression("States.MathRandom(1, 4)")
    assert isinstance(call, Call)
    source = random.Random(7).random
    numbers = {call.evaluate(lambda _: None, source) for _ in range(100)}

    assert numbers == {1, 2, 3}


def test_a_random_number_with_a_seed_is_always_the_same() -> None:
    assert evaluate("States.MathRandom(0, 999, 3)") == evaluate("States.MathRandom(0, 999, 3)")


@pytest.mark.parametrize(
    "text",
    [
        "States.Format('{}')",
        "States.Format('{}', 1, 2)",
        "States.Format($.n)",
        "States.StringToJson('{')",
        "States.StringToJson($.n)",
        "States.ArrayPartition($.list, 0)",
        "States.ArrayPartition($.name, 1)",
        "States.ArrayPartition($.list, 1.5)",
        "States.ArrayContains($.object, 1)",
        "States.ArrayRange(1, 9, 0)",
        "States.ArrayRange(1, 1001, 1)",
        "States.ArrayGetItem($.list, 5)",
        "States.ArrayGetItem($.list, -1)",
        "States.ArrayLength($.name)",
        "States.ArrayUnique($.name)",
        "States.Base64Encode($.n)",
        "States.Base64Decode('!')",
        "States.Hash('a', 'SHA-3')",
        "States.JsonMerge($.object, $.object, true)",
        "States.JsonMerge($.object, $.list, false)",
        "States.MathRandom(4, 4)",
        "States.MathRandom('a', 4)",
        "States.MathAdd(1, 'a')",
        "States.MathAdd(2147483648, 0)",
        "States.StringSplit(1, ',')",
    ],
)
def test_a_call_that_refuses_its_arguments_says_which_call_it_was(text: str) -> None:
    with pytest.raises(IntrinsicError, match=r"^The function 'States\."):
        evaluate(text)


@pytest.mark.parametrize(
    "text",
    [
        "States.Nonsense()",
        "States.format('{}', 1)",
        "States.Format()",
        "States.UUID(1)",
        "States.ArrayLength($.a, $.b)",
        "States.MathRandom(1)",
        "States.Array(",
        "States.Array(1",
        "States.Array(1,)",
        "States.Array(1 2)",
        "States.Array('a)",
        'States.Array("a")',
        "States.Array(a)",
        "States.Array(1))",
        "States.Array($.)",
        "".join(["States.Array("] * 11) + ")" * 11,
    ],
)
def test_what_is_no_call_is_refused(text: str) -> None:
    with pytest.raises(PathSyntaxError):
        parse_expression(text)


@pytest.mark.parametrize("function", ["Base64Encode", "Base64Decode"])
def test_texts_of_more_than_10_000_characters_are_refused(function: str) -> None:
    call = parse_expression(f"States.{function}($)")
    assert isinstance(call, Call)
    with pytest.raises(IntrinsicError, match="more than 10000 characters"):
        call.evaluate(lambda _: "YWFh" * 2501, random.random)


def test_all_functions_of_the_guide_are_there() -> None:
    assert len(FUNCTIONS) == 18
