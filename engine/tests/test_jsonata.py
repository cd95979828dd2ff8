"""JSONata states.

Source: Step Functions Developer Guide, "Transforming data with JSONata in Step Functions"
(transforming-data.html). Cases marked AWS were recorded on AWS in localstack's
tests/aws/services/stepfunctions/v2.
"""

import hashlib
import json
import re
from typing import Any

import pytest
from engine.tests.conftest import Lab
from engine.tests.maps import MapLab
from engine.tests.s3 import BUCKET
from hypothesis import given, settings
from hypothesis import strategies as st

from sfn_local import FunctionError
from sfn_local.errors import ApiError, InvalidDefinition
from sfn_local.language.jsonata import limits

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:"
INVOKE = "arn:aws:states:::lambda:invoke"
PASSIVE = (
    "The sub-picture must not contain a passive character that is preceded by an active character "
    "and that is followed by another active character"
)


def jsonata(kind: str = "Pass", **fields: Any) -> dict[str, Any]:
    ends = {} if kind in ("Choice", "Succeed", "Fail") else {"End": True}
    return {"Type": kind, **ends, **fields}


def machine(state: dict[str, Any], **others: dict[str, Any]) -> dict[str, Any]:
    return {"QueryLanguage": "JSONata", "StartAt": "it", "States": {"it": state, **others}}


def evaluate(lab: Lab, expression: str, data: Any = None) -> Any:
    """The output of a Pass state whose Output is an expression."""
    return lab.run(machine(jsonata(Output=f"{{% {expression} %}}")), data).output


def explained(cause: str, event: int = 2) -> str:
    return (
        f"An error occurred while executing the state 'it' (entered at the event id #{event}). "
        f"{cause}"
    )


def complaint(expression: str, field: str, what: str) -> str:
    return explained(
        f"The JSONata expression '{expression}' specified for the field '{field}' {what}"
    )


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        ("{% $states.input.a %}", 1),
        ("{%$states.input%}", {"a": 1, "n": None}),
        ("{% $states.input.n %}", None),
        ("{% null %}", None),
        ("{% [] %}", []),
        ({"b": "{% $states.input.a + 1 %}", "c": ["{% 'x' %}", 2]}, {"b": 2, "c": ["x", 2]}),
        ({"{% 'k' %}": 1}, {"{% 'k' %}": 1}),
        (" {% $states.input %} ", " {% $states.input %} "),
        ("$states.input", "$states.input"),
        ("$.a", "$.a"),
        (0.1, 0.1),
        (True, True),
        ("{% 1 = 1 and $contains('abc', /b/) %}", True),
        ("{% $merge([{'a': 1}, {'b': $states.input.n}]) %}", {"a": 1, "b": None}),
    ],
)
def test_output_is_json_with_expressions(lab: Lab, output: Any, shown: Any) -> None:
    """AWS: only a string that starts with {% and ends with %} is an expression."""
    assert lab.run(machine(jsonata(Output=output)), {"a": 1, "n": None}).output == shown


def test_without_output_the_input_goes_on(lab: Lab) -> None:
    assert lab.run(machine(jsonata()), {"a": 1}).output == {"a": 1}


@pytest.mark.parametrize(
    ("expression", "refusal"),
    [
        ("phone", "UNSUPPORTED: Reference to 'phone' at the top level is not supported."),
        ("$states.input.a + b.c", "UNSUPPORTED: Reference to 'b' at the top level"),
        ("($x := a; $x)", "UNSUPPORTED: Reference to 'a' at the top level"),
        ("$map([1], function($v) { $v + n })", "UNSUPPORTED: Reference to 'n' at the top level"),
        ("{'k': v}", "UNSUPPORTED: Reference to 'v' at the top level"),
        ("sum([1])", "UNSUPPORTED: Reference to 'sum' at the top level"),
        ("$$", "UNSUPPORTED: "),
        ("$states.errorOutput", "UNSUPPORTED: Field '$states.errorOutput' does not exist."),
        ("$states.result", "UNSUPPORTED: Field '$states.result' does not exist."),
        ("1 +", "INVALID: Unexpected end of expression at /States/it/Output/v"),
        ("$a[1,2)", 'INVALID: Expected "]", got ","'),
        ('"unterminated', "INVALID: String literal must be terminated by a matching quote"),
        ('{"a":}', 'INVALID: The symbol "}" cannot be used as a unary operator'),
        ("$x :=", "INVALID: Unexpected end of expression"),
        ('$match("a", /abc', "INVALID: No terminating / in regular expression"),
        ("$a ?? 1", 'INVALID: The symbol "?" cannot be used as a unary operator'),
        ("$a ?: 1", 'INVALID: The symbol ":" cannot be used as a unary operator'),
    ],
)
def test_what_aws_refuses_is_refused_at_create(lab: Lab, expression: str, refusal: str) -> None:
    """AWS: floci-io/floci 2670, 2745; `??` and `?:` are of JSONata 2.1, and AWS has 2.0.6."""
    with pytest.raises(InvalidDefinition) as caught:
        lab.start(machine(jsonata(Output={"v": f"{{% {expression} %}}"})))

    code, _, text = refusal.partition(": ")
    assert f"{code}_JSONATA_EXPRESSION: {text}" in str(caught.value)


@pytest.mark.parametrize(
    "expression",
    [
        "$states.input.items[status = 'OPEN'].amount",
        "$states.input.items.{'k': amount}",
        "$states.input.items{status: $sum(amount)}",
        "$states.input.items^(>amount).amount",
        "$states.input.items@$i.($i.amount)",
        "$states.input.items#$n[$n = 0].amount",
        "$states.input ~> |items|{'n': amount}|",
        "$states.input.items.$sum(amount)",
    ],
)
def test_names_below_a_step_are_accepted(lab: Lab, expression: str) -> None:
    items = [{"status": "OPEN", "amount": 1}, {"status": "OPEN", "amount": 2}]

    assert evaluate(lab, expression, {"items": items}) is not None


def test_the_context_is_in_states(lab: Lab) -> None:
    run = lab.run(machine(jsonata(Output="{% $states.context.State.Name %}")))

    assert run.output == "it"


def test_arguments_and_result_of_a_task(lab: Lab) -> None:
    lab.functions["f"] = lambda payload: {"sum": sum(payload["numbers"])}
    task = jsonata(
        "Task",
        Resource=INVOKE,
        Arguments={"FunctionName": "f", "Payload": {"numbers": "{% $states.input.list %}"}},
        Output={"sum": "{% $states.result.Payload.sum %}", "was": "{% $states.input.list %}"},
        Assign={"last": "{% $states.result.Payload.sum %}"},
    )
    run = lab.run(machine(task), {"list": [1, 2]})

    assert run.output == {"sum": 3, "was": [1, 2]}
    assert run.events[-2]["stateExitedEventDetails"]["assignedVariables"] == {"last": "3"}


def test_without_output_a_task_gives_its_result(lab: Lab) -> None:
    lab.functions["f"] = lambda payload: {"got": payload}
    task = jsonata("Task", Resource=FUNCTION + "f")

    assert lab.run(machine(task), {"a": 1}).output == {"got": {"a": 1}}


def test_arguments_of_a_function_arn_are_its_payload(lab: Lab) -> None:
    """AWS, BASE_LAMBDA_EXPRESSION."""
    lab.functions["f"] = lambda payload: payload
    task = jsonata("Task", Resource=FUNCTION + "f", Arguments={"x": "{% $sum($states.input) %}"})

    assert lab.run(machine(task), [1, 2, 4]).output == {"x": 7}


def test_limits_of_a_task_may_be_expressions(lab: Lab) -> None:
    """AWS, test_base_task_from_input."""
    lab.hang.add("f")
    task = jsonata("Task", Resource=FUNCTION + "f", TimeoutSeconds="{% $states.input.limit %}")
    run = lab.run(machine(task), {"limit": 7})

    assert run.error == "States.Timeout"
    assert lab.elapsed(run) == 7


def test_a_callback_has_its_token_in_the_context(lab: Lab) -> None:
    lab.functions["f"] = lambda _: None
    task = jsonata(
        "Task",
        Resource=f"{INVOKE}.waitForTaskToken",
        Arguments={"FunctionName": "f", "Payload": "{% $states.context.Task.Token %}"},
    )
    run = lab.start(machine(task))
    lab.engine.send_task_success(lab.calls[0][1], '"done"')
    lab.engine.run_until(run.arn)

    assert run.output == "done"


@pytest.mark.parametrize(("n", "path"), [(1, ["it", "one"]), (2, ["it", "other"])])
def test_a_choice_takes_the_first_condition_that_is_true(lab: Lab, n: int, path: list[str]) -> None:
    choice = jsonata(
        "Choice",
        Choices=[
            {"Condition": "{% $states.input.n = 1 %}", "Next": "one", "Output": "{% 'rule' %}"},
            {"Condition": False, "Next": "one"},
        ],
        Default="other",
        Output="{% 'default' %}",
    )
    run = lab.run(machine(choice, one=jsonata(), other=jsonata()), {"n": n})

    assert run.path == path
    assert run.output == ("rule" if n == 1 else "default")


def test_a_condition_that_is_no_boolean_fails(lab: Lab) -> None:
    choice = jsonata("Choice", Choices=[{"Condition": "{% 1 %}", "Next": "one"}])
    run = lab.run(machine(choice, one=jsonata()))

    assert (run.error, run.cause) == (
        "States.QueryEvaluationError",
        complaint(
            "1",
            "Choices[0]/Condition",
            "returned an unexpected result type. Expected 'boolean', but was 'number' for value: 1",
        ),
    )


def test_a_wait_takes_seconds_and_timestamps_from_expressions(lab: Lab) -> None:
    seconds = lab.run(machine(jsonata("Wait", Seconds="{% $states.input %}")), 7)
    moment = "{% '2026-01-01T00:01:07Z' %}"
    until = lab.run(machine(jsonata("Wait", Timestamp=moment)))

    assert lab.elapsed(seconds) == 7
    assert lab.elapsed(until) == 60


@pytest.mark.parametrize(
    "timestamp",
    [
        "2016-12-05 21:29:29Z",
        "2016-12-05T21:29:29",
        "2016-13-05T21:29:29Z",
        "2016-12-05T25:29:29Z",
        "05-12-2016T21:29:29Z",
    ],
)
def test_a_timestamp_that_is_none_fails_as_on_aws(lab: Lab, timestamp: str) -> None:
    """AWS, test_wait_timestamp_jsonata."""
    run = lab.run(machine(jsonata("Wait", Timestamp="{% $states.input %}")), timestamp)

    cause = explained(
        "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format "
        f"string: {timestamp}"
    )
    assert (run.error, run.cause) == ("States.QueryEvaluationError", cause)
    assert run.chain[2:] == [(3, 2, "EvaluationFailed"), (4, 3, "ExecutionFailed")]


def test_succeed_and_fail_take_expressions(lab: Lab) -> None:
    """AWS, test_fail_error_jsonata."""
    succeed = lab.run(machine(jsonata("Succeed", Output="{% $states.input.a %}")), {"a": 1})
    fail = jsonata("Fail", Error="{% $states.input.e %}", Cause="{% 'c' & 1 %}")
    failed = lab.run(machine(fail), {"e": "Exception"})

    assert succeed.output == 1
    assert (failed.error, failed.cause) == ("Exception", "c1")


def test_a_parallel_state_has_arguments_and_a_result(lab: Lab) -> None:
    branch = {"StartAt": "b", "States": {"b": jsonata()}}
    state = jsonata(
        "Parallel",
        Branches=[branch],
        Arguments={"a": "{% $states.input + 1 %}"},
        Output="{% $states.result[0].a %}",
    )

    assert lab.run(machine(state), 1).output == 2


@pytest.mark.parametrize("items", ["{% $states.input.list %}", [1, "{% 2 %}"]])
def test_a_map_iterates_over_items(lab: Lab, items: Any) -> None:
    """AWS, test_base_map."""
    graph = {"StartAt": "i", "States": {"i": jsonata()}}
    state = jsonata(
        "Map",
        Items=items,
        ItemProcessor=graph,
        ItemSelector={
            "v": "{% $states.context.Map.Item.Value %}",
            "i": "{% $states.context.Map.Item.Index %}",
        },
        MaxConcurrency="{% 1 %}",
    )

    assert lab.run(machine(state), {"list": [1, 2]}).output == [{"v": 1, "i": 0}, {"v": 2, "i": 1}]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (1, "number"),
        ("string", "string"),
        (True, "boolean"),
        ({"foo": "bar"}, "object"),
        (None, "null"),
    ],
)
def test_items_that_are_no_array_fail_as_on_aws(lab: Lab, value: Any, kind: str) -> None:
    """AWS, test_map_state_items_eval_jsonata_fail."""
    graph = {"StartAt": "i", "States": {"i": jsonata()}}
    state = jsonata("Map", Items="{% $states.input.v %}", ItemProcessor=graph)
    run = lab.run(machine(state), {"v": value})

    what = (
        f"returned an unexpected result type. Expected 'array', but was '{kind}' for value: "
        f"{json.dumps(value, separators=(',', ':'))}"
    )
    assert run.cause == complaint("$states.input.v", "Items", what)
    assert run.chain[2:] == [
        (3, 0, "EvaluationFailed"),
        (4, 3, "MapStateFailed"),
        (5, 4, "ExecutionFailed"),
    ]


def test_without_items_the_input_is_the_array(lab: Lab) -> None:
    """AWS, test_map_state_items_input_types."""
    graph = {"StartAt": "i", "States": {"i": jsonata()}}
    state = jsonata("Map", ItemProcessor=graph)

    assert lab.run(machine(state), [1]).output == [1]
    assert lab.run(machine(state), 1).cause == explained(
        "Map state input must be an array but was: 1"
    )


def test_a_distributed_map_takes_expressions_everywhere() -> None:
    """AWS, test_map_item_batching_base_json_max_per_batch_jsonata."""
    maps = MapLab()
    maps.s3.objects["k"] = b'[{"v": 1}, {"v": 2}, {"v": 3}]'
    inner = {"StartAt": "i", "States": {"i": jsonata()}}
    state = jsonata(
        "Map",
        ItemReader={
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSON", "MaxItems": "{% $states.input.most %}"},
            "Arguments": {"Bucket": "{% $states.input.bucket %}", "Key": "k"},
        },
        ItemSelector="{% $states.context.Map.Item.Value.v %}",
        ItemBatcher={
            "MaxItemsPerBatch": "{% $states.input.most %}",
            "BatchInput": {"name": "{% $states.context.State.Name %}"},
        },
        ToleratedFailurePercentage="{% 2 * 5 %}",
        ToleratedFailureCount="{% 1 %}",
        ResultWriter={
            "Resource": "arn:aws:states:::s3:putObject",
            "Arguments": {"Bucket": BUCKET, "Prefix": "{% 'out' %}"},
        },
        ItemProcessor={
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            **inner,
        },
    )
    maps.start_machine(machine(state), {"most": 2, "bucket": BUCKET})
    (succeeded,) = json.loads(maps.results("SUCCEEDED"))

    assert json.loads(succeeded["Output"]) == {"BatchInput": {"name": "it"}, "Items": [1, 2]}
    assert maps.map_run["toleratedFailurePercentage"] == 10.0


def test_a_catcher_has_the_error_in_states(lab: Lab) -> None:
    """AWS, test_task_catch_error_output."""

    def broken(_: Any) -> Any:
        raise FunctionError("Odd", "why")

    lab.functions["f"] = broken
    task = jsonata(
        "Task",
        Resource=FUNCTION + "f",
        Catch=[
            {
                "ErrorEquals": ["Odd"],
                "Next": "caught",
                "Output": {"e": "{% $states.errorOutput.Error %}", "in": "{% $states.input %}"},
                "Assign": {"cause": "{% $states.errorOutput.Cause %}"},
            }
        ],
    )
    caught = jsonata(Output={"got": "{% $states.input %}", "cause": "{% $cause %}"})
    run = lab.run(machine(task, caught=caught), 1)

    assert run.output == {"got": {"e": "Odd", "in": 1}, "cause": "why"}


def test_without_output_a_catcher_gives_the_error(lab: Lab) -> None:
    """AWS, TASK_CATCH_ERROR_VARIABLE_SAMPLING."""
    task = jsonata(
        "Task",
        Resource=FUNCTION + "f",
        Catch=[{"ErrorEquals": ["States.ALL"], "Next": "caught"}],
    )
    run = lab.run(machine(task, caught=jsonata()), 1)

    assert run.output["Error"] == "Lambda.ResourceNotFoundException"


def test_an_expression_that_fails_can_be_caught(lab: Lab) -> None:
    task = jsonata(
        "Task",
        Resource=FUNCTION + "f",
        Arguments="{% $nowhere %}",
        Catch=[{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "caught"}],
    )

    assert lab.run(machine(task, caught=jsonata())).path == ["it", "caught"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"Output": "{% $doesNotExist %}"}, "Output"),
        ({"Output": {"result": "{% $doesNotExist %}"}}, "Output/result"),
        ({"Output": {"list": [1, "{% $doesNotExist %}"]}}, "Output/list[1]"),
        ({"Assign": {"result": "{% $doesNotExist %}"}}, "Assign/result"),
    ],
)
def test_nothing_is_no_value(lab: Lab, fields: dict[str, Any], field: str) -> None:
    """AWS, test_undefined_reference."""
    run = lab.run(machine(jsonata(**fields)), {})

    cause = complaint("$doesNotExist", field, "returned nothing (undefined).")
    assert (run.error, run.cause) == ("States.QueryEvaluationError", cause)
    assert run.chain[2:] == [(3, 0, "EvaluationFailed"), (4, 3, "ExecutionFailed")]
    assert run.events[2]["evaluationFailedEventDetails"] == {
        "error": "States.QueryEvaluationError",
        "cause": cause,
        "state": "it",
        "location": field,
    }


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("$nope(1)", "threw an error during evaluation. T1006: Attempted to invoke a non-function"),
        (
            "$eval('1')",
            "threw an error during evaluation. T1006: Attempted to invoke a non-function",
        ),
        ("1/0 + 1", "threw an error during evaluation. D1001: Number out of range: null"),
        (
            "$sum('a')",
            'threw an error during evaluation. T0412: Argument 1 of function "sum" must be an '
            'array of "numbers"',
        ),
        (
            "$abs('a')",
            'threw an error during evaluation. T0410: Argument 1 of function "abs" does not match '
            "function signature",
        ),
        (
            "1 + 'a'",
            'threw an error during evaluation. T2002: The right side of the "+" operator must '
            "evaluate to a number",
        ),
        ("$error('boo')", "threw an error during evaluation. D3137: boo"),
        ("function($x){$x}", "returned an unsupported result type."),
        ("($f := function(){$f()}; $f())", f"threw an error during evaluation: {limits.TOO_LONG}"),
        (
            "($f := function($n){1 + $f($n)}; $f(1))",
            f"threw an error during evaluation: {limits.TOO_DEEP}",
        ),
        ("$sum([1..900000])", f"threw an error during evaluation: {limits.TOO_LARGE}"),
        ("$count($range(1, 360146, 1))", f"threw an error during evaluation: {limits.TOO_LARGE}"),
        ("$pad('a', 8388608)", f"threw an error during evaluation: {limits.TOO_LARGE}"),
        ("$formatNumber(1, 'x')", f"threw an error during evaluation. D3086: {PASSIVE}"),
    ],
)
def test_an_expression_that_fails_says_why(
    lab: Lab, expression: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS: floci-io/floci 2668, 2737, 2783; $eval is taken away by the guide."""
    monkeypatch.setattr(limits, "MOST_STEPS", 10_000)  # three millions take seconds
    run = lab.run(machine(jsonata(Output=f"{{% {expression} %}}")))

    assert run.error == "States.QueryEvaluationError"
    assert run.cause == complaint(expression, "Output", what)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$partition([1,2,3,4,5], 2)", [[1, 2], [3, 4], [5]]),
        ("$partition([], 2)", []),
        ("$range(0, 10, 5)", [0, 5, 10]),
        ("$range(3, 1, -1)", [3, 2, 1]),
        ("$range(1, 1, 1)", 1),
        ("$hash('abc', 'SHA-256')", hashlib.sha256(b"abc").hexdigest()),
        ("$hash('é', 'MD5')", hashlib.md5("é".encode()).hexdigest()),
        ("$hash('abc', 'SHA-1')", hashlib.sha1(b"abc").hexdigest()),
        ("$hash('abc', 'SHA-384')", hashlib.sha384(b"abc").hexdigest()),
        ("$hash('abc', 'SHA-512')", hashlib.sha512(b"abc").hexdigest()),
        ("$parse('{\"a\": [1, null]}')", {"a": [1, None]}),
        ("$parse('{\"a\": 1}').a + 1", 2),
        ("$random(42)", 0.7275636800328681),
        ("$random(7) = $random(7)", True),
        ("$count($range(1, 200000, 1))", 200_000),
        ("$range(-1.7, 2, 1)", [-1, 0, 1, 2]),
        ("$partition([1,2,3], 2.9)", [[1, 2], [3]]),
        ("$parse('9223372036854775808')", 9_223_372_036_854_776_000),
        ("$random() < 1 and $random() >= 0", True),
        ("$uuid() != $uuid()", True),
    ],
)
def test_awss_functions(lab: Lab, expression: str, value: Any) -> None:
    """The page's "Step Functions provided JSONata functions"; AWS: floci-io/floci 2662, 2676."""
    assert evaluate(lab, expression) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1/0", "Infinity"),
        ("-1/0", "-Infinity"),
        ("1e308 * 10", "Infinity"),
        ("[1/0]", ["Infinity"]),
        ("{'k': 1/0}", {"k": "Infinity"}),
        ("$string(1e20)", "100000000000000000000"),
        ("$string(1e21)", "1e+21"),
        ("$string(9223372036854775808)", "9223372036854776000"),
        ("$string(0.1 + 0.2)", "0.3"),
        ("$string(1e-7)", "1e-7"),
        ("$count([1..873782])", 873_782),
        (" + ".join(["1"] * 100), 100),
        ("$parseInteger('x', '0')", "NaN"),
        ("9007199254740993", 9_007_199_254_740_993),
    ],
)
def test_numbers_are_javas_and_javascripts(lab: Lab, expression: str, value: Any) -> None:
    """AWS: floci-io/floci 2669, 2683, 2736, 2737, 2783; the last one is what `$parse` keeps."""
    assert evaluate(lab, expression) == value


def test_a_hundred_and_one_levels_are_too_many(lab: Lab) -> None:
    run = lab.run(machine(jsonata(Output="{% " + " + ".join(["1"] * 101) + " %}")))

    assert limits.TOO_DEEP in (run.cause or "")


def test_now_is_the_engines_time(lab: Lab) -> None:
    assert evaluate(lab, "$now()") == "2026-01-01T00:00:00.000Z"
    assert evaluate(lab, "$millis()") == 1_767_225_600_000


def test_uuids_have_version_four(lab: Lab) -> None:
    uuid = evaluate(lab, "$uuid()")

    assert re.fullmatch(
        r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", uuid
    )


@pytest.mark.parametrize(
    "expression",
    [
        "$partition(1, 2)",
        "$partition([1], 0)",
        "$range(0, 10, 0)",
        "$range('a', 1, 1)",
        "$hash('abc', 'CRC')",
        "$hash(1, 'MD5')",
        "$parse('no')",
        "$parse(1)",
        "$random('x')",
    ],
)
def test_awss_functions_refuse_what_they_cannot_take(lab: Lab, expression: str) -> None:
    run = lab.run(machine(jsonata(Output=f"{{% {expression} %}}")))

    assert run.error == "States.QueryEvaluationError"


def test_a_seed_repeats_random_numbers() -> None:
    first, second = (evaluate(Lab(seed=3), "[$random(), $uuid()]") for _ in range(2))

    assert first == second


def test_states_may_differ_in_their_query_language(lab: Lab) -> None:
    """AWS, test_output_to_state."""
    definition = {
        "StartAt": "a",
        "States": {
            "a": {"Type": "Pass", "Parameters": {"foo.$": "$.x"}, "Next": "b"},
            "b": jsonata(QueryLanguage="JSONata", Output={"bar": "{% $states.input.foo %}"}),
        },
    }

    assert lab.run(definition, {"x": 1}).output == {"bar": 1}


@pytest.mark.parametrize(
    "definition",
    [
        machine(jsonata(Output="{% 1 + %}")),
        machine(jsonata(Output="{% ( %}")),
        machine(jsonata(QueryLanguage="JSONPath")),
        machine(jsonata(QueryLanguage="XPath")),
        machine(jsonata("Choice", Choices=[{"Condition": "1", "Next": "a"}]), a=jsonata()),
        machine(jsonata("Choice", Choices=[{"Next": "a"}]), a=jsonata()),
    ],
)
def test_a_definition_that_is_not_well_formed_is_refused(lab: Lab, definition: Any) -> None:
    with pytest.raises(ApiError) as caught:
        lab.start(definition)

    assert caught.value.code == "InvalidDefinition"


TOKENS = st.lists(
    st.sampled_from(
        [
            "$",
            "$$",
            "$states",
            ".input",
            ".",
            "a",
            "[",
            "]",
            "(",
            ")",
            "{",
            "}",
            "1",
            "0",
            "-",
            "+",
            "*",
            "/",
            "%",
            "&",
            "=",
            "!=",
            "<",
            "and",
            "in",
            "?",
            ":",
            ",",
            "'x'",
            "null",
            "true",
            "function($x)",
            "$sum",
            "$map",
            "~>",
            ":=",
            "$v",
            ";",
            "^",
            "@$i",
            "#$j",
            "..",
            "**",
        ]
    ),
    max_size=8,
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abx"), inner),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(tokens=TOKENS, data=VALUES)
def test_any_expression_gives_a_value_or_an_error_of_aws(tokens: list[str], data: Any) -> None:
    lab = Lab()
    definition = machine(jsonata(Output=f"{{% {' '.join(tokens)} %}}"))
    try:
        run = lab.run(definition, data)
    except InvalidDefinition:
        return
    assert run.status == "SUCCEEDED" or run.error == "States.QueryEvaluationError"
