"""Random input gives a value or an AWS error, and nothing else."""

import json
from contextlib import suppress
from typing import Any

from engine.tests.conftest import Run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sfn_local import Engine, InlineFunctions, VirtualClock
from sfn_local.errors import InvalidDefinition
from sfn_local.language.intrinsics import Call, parse_expression
from sfn_local.language.intrinsics.functions import FUNCTIONS, IntrinsicError
from sfn_local.language.jsonpath import PathNotFound, PathSyntaxError, parse_path
from sfn_local.lint import lint
from sfn_local.lint.json_positions import JsonSyntaxError, parse

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["a", "b", "c d", "日"]) | st.text(max_size=4), inner, max_size=4
        )
    ),
    max_leaves=12,
)
PIECES = ["$", "$$", ".a", ".b", "['a']", "[0]", "[-1]", "[*]", "[1:]", "[::2]", "..", "..a"]
PIECES += [".*", "[?(@.a)]", "[?(@.a==1)]", "[?(@>'x')]", "[?(!@.b||@.a=~/.*/)]", ".length()"]
PIECES += [".max()", "[", "]", "'", "(", ")", ".", "?", "@", "&&", "日", "\\"]
ARGUMENTS = ["$.a", "$", "$.b[*]", "'x'", "''", "'{}'", r"'\{'", "1", "-2.5", "0", "1e3", "true"]
ARGUMENTS += ["null", "States.UUID()", "States.Array(1,2)", "9999999999", "(", "'"]
path_pieces = st.sampled_from([*PIECES, " ", "\u0000"])
paths = st.lists(path_pieces, max_size=7).map("".join) | st.text(max_size=12)
arguments = st.sampled_from(ARGUMENTS)
calls = st.builds(
    lambda name, given: f"{name}({', '.join(given)})",
    st.sampled_from([*FUNCTIONS, "States.Nonsense", "States."]),
    st.lists(arguments, max_size=4),
)
quick = settings(deadline=None, max_examples=300)


@quick
@given(paths, json_values)
def test_a_random_path_gives_a_value_or_leads_nowhere(text: str, data: Any) -> None:
    try:
        value = parse_path(text).read(data)
    except (PathSyntaxError, PathNotFound):
        return
    json.dumps(value)


@quick
@given(calls, json_values)
def test_a_random_call_gives_a_value_or_is_refused(text: str, data: Any) -> None:
    try:
        call = parse_expression(text)
        assert isinstance(call, Call)
        value = call.evaluate(lambda path: path.read(data), lambda: 0.5)
    except (PathSyntaxError, PathNotFound, IntrinsicError):
        return
    json.dumps(value)


@quick
@given(st.text() | json_values.map(json.dumps))
def test_the_parser_agrees_with_pythons(text: str) -> None:
    try:
        expected = json.loads(text, parse_constant=lambda _: 1 / 0)
    except (ValueError, ZeroDivisionError, RecursionError):
        expected = JsonSyntaxError
    try:
        value: Any = parse(text).value
    except JsonSyntaxError:
        value = JsonSyntaxError

    assert value == expected


FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
GOOD_PATHS = ["$", "$.a", "$.b[0]", "$.a.b", "$..a", "$.a[*]", "$$", "$$.Execution.Input.a"]
GOOD_PATHS += ["$.b[?(@.a)]", "$$.State.Name", "$['c d','a']", "$.a[-1:]"]
GOOD_CALLS = ["States.UUID()", "States.Array($.a, 1)", "States.MathAdd($.a, 1)"]
GOOD_CALLS += ["States.Format('{}-{}', $.a, $.b)", "States.ArrayLength($.b)"]

good_paths = st.sampled_from(GOOD_PATHS)
templates = st.dictionaries(
    st.sampled_from(["x.$", "y.$"]), good_paths | st.sampled_from(GOOD_CALLS), max_size=2
)
narrowing = {"InputPath": good_paths | st.none(), "OutputPath": good_paths | st.none()}
placing = {"ResultPath": st.sampled_from(["$", "$.a", "$.a.b", "$.b[0]"]) | st.none()}
shaping = {**narrowing, **placing, "Parameters": templates}
recovering = {
    **shaping,
    "ResultSelector": templates,
    "Retry": st.just([{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]),
}
INNER = {"Type": "Pass", "OutputPath": "$.a"}
operators = st.sampled_from(["NumericEquals", "NumericLessThan"])
rules = st.builds(
    lambda path, operator: {"Variable": path, operator: 1}, st.sampled_from(GOOD_PATHS), operators
)


def state(kind: str, optional: dict[str, Any], **fixed: Any) -> st.SearchStrategy[Any]:
    required = {"Type": kind, **fixed}
    return st.fixed_dictionaries(
        {name: st.just(value) for name, value in required.items()}, optional=optional
    )


states = st.one_of(
    state("Pass", {**shaping, "Result": json_values}),
    state("Task", recovering, Resource=FUNCTION),
    state("Wait", narrowing, Seconds=5),
    state("Wait", narrowing, SecondsPath="$.a"),
    state("Map", {**narrowing, **placing, "ItemsPath": good_paths, "ItemSelector": templates}),
    state("Parallel", recovering),
    st.builds(lambda rule: {"Type": "Choice", "Choices": [rule]}, rules),
)


@st.composite
def machines(draw: st.DrawFn) -> Any:
    """A chain of states that all can be entered; nested ones have names of their own."""
    chain = draw(st.lists(states, min_size=1, max_size=4))
    named = {}
    for number, drawn in enumerate(chain):
        built = dict(drawn)
        inner = {f"i{number}": {**INNER, "End": True}}
        if built["Type"] == "Map":
            built["ItemProcessor"] = {"StartAt": f"i{number}", "States": inner}
        if built["Type"] == "Parallel":
            built["Branches"] = [{"StartAt": f"i{number}", "States": inner}]
        following = f"s{number + 1}"
        if built["Type"] == "Choice":
            built["Choices"] = [{**built["Choices"][0], "Next": following}]
            built["Default"] = following
        else:
            built["Next"] = following
        named[f"s{number}"] = built
    return {"StartAt": "s0", "States": {**named, f"s{len(chain)}": {"Type": "Succeed"}}}


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(machines(), json_values)
def test_a_random_machine_runs_to_its_end(machine: Any, data: Any) -> None:
    engine = Engine(functions=InlineFunctions(lambda _, payload: payload), clock=VirtualClock())
    arn = engine.create_state_machine("m", machine)
    execution = engine.start_execution(arn, input=json.dumps(data))
    assert engine.run_until(execution)
    run = Run(engine, execution)

    assert run.status in ("SUCCEEDED", "FAILED")
    assert not str(run.cause).startswith("The engine failed")
    assert [event["id"] for event in run.events] == list(range(1, len(run.events) + 1))
    assert all(event["previousEventId"] < event["id"] for event in run.events)


@settings(deadline=None, max_examples=200)
@given(machines(), st.sampled_from(["Type", "Next", "StartAt", "States"]), json_values)
def test_a_damaged_machine_is_refused_or_created(machine: Any, name: str, value: Any) -> None:
    damaged = damage(machine, name, value)
    lint(json.dumps(damaged))
    engine = Engine(functions=InlineFunctions(lambda _, payload: payload), clock=VirtualClock())
    with suppress(InvalidDefinition):
        engine.create_state_machine("m", json.dumps(damaged))


def damage(value: Any, name: str, other: Any) -> Any:
    """A copy in which a field has another value, wherever it stands."""
    if isinstance(value, dict):
        return {
            key: other if key == name else damage(inner, name, other)
            for key, inner in value.items()
        }
    return [damage(inner, name, other) for inner in value] if isinstance(value, list) else value
