"""Variables: Assign in both query languages, and where a variable is seen.

Source: Step Functions Developer Guide, "Passing data between states with variables"
(workflow-variables.html). Cases marked AWS were recorded on AWS in localstack's
tests/aws/services/stepfunctions/v2/assign.
"""

from typing import Any

import pytest
from engine.tests.conftest import Lab

from sfn_local.errors import ApiError

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:"
PASS = {"Type": "Pass", "End": True}


def chain(*states: dict[str, Any], **machine: Any) -> dict[str, Any]:
    """States `s0`, `s1`, … one after the other."""
    named = {f"s{number}": dict(state) for number, state in enumerate(states)}
    for number, state in enumerate(named.values()):
        if state["Type"] not in ("Succeed", "Fail", "Choice"):
            state.pop("End", None)
            is_last = number == len(named) - 1
            state.update({"End": True} if is_last else {"Next": f"s{number + 1}"})
    return {"StartAt": "s0", "States": named, **machine}


def assign(**variables: Any) -> dict[str, Any]:
    return {**PASS, "Assign": variables}


def show(**parameters: Any) -> dict[str, Any]:
    return {**PASS, "Parameters": parameters}


def test_a_variable_is_seen_by_later_states(lab: Lab) -> None:
    run = lab.run(
        chain(assign(**{"x.$": "$.a", "fixed": [1]}), show(**{"x.$": "$x.b", "y.$": "$fixed[0]"})),
        {"a": {"b": 2}},
    )

    assert run.output == {"x": 2, "y": 1}


def test_the_exit_shows_what_was_assigned(lab: Lab) -> None:
    """AWS: each value as JSON text."""
    run = lab.run(chain(assign(a=None, b=0.1, c="s", d={"e": []})))

    assert run.events[2]["stateExitedEventDetails"] == {
        "name": "s0",
        "output": "null",
        "outputDetails": {"truncated": False},
        "assignedVariables": {"a": "null", "b": "0.1", "c": '"s"', "d": '{"e":[]}'},
        "assignedVariablesDetails": {"truncated": False},
    }


def test_strings_that_look_like_paths_stay_as_they_are(lab: Lab) -> None:
    """AWS: only fields whose name ends in `.$` are paths."""
    run = lab.run(chain(assign(x=["$.no", "$y", "$$"]), show(**{"x.$": "$x"})))

    assert run.output == {"x": ["$.no", "$y", "$$"]}


def test_all_of_a_state_sees_the_values_from_before_it(lab: Lab) -> None:
    """AWS: Assign and the output are evaluated with the values at entry."""
    swap = {
        **PASS,
        "Parameters": {"x.$": "$x"},
        "Assign": {"x.$": "$y", "y.$": "$x"},
    }
    run = lab.run(chain(assign(x=1, y=2), swap, show(**{"x.$": "$x", "y.$": "$y"})))

    assert run.events[4]["stateExitedEventDetails"]["output"] == '{"x":1}'
    assert run.output == {"x": 2, "y": 1}


def test_assign_in_a_task_sees_the_raw_result(lab: Lab) -> None:
    """AWS, BASE_ASSIGN_FROM_LAMBDA_TASK_RESULT."""
    lab.functions["f"] = lambda _: {"v": 1}
    task = {
        "Type": "Task",
        "Resource": FUNCTION + "f",
        "ResultSelector": {"cut": True},
        "ResultPath": "$.result",
        "Assign": {"x.$": "$.v"},
    }
    run = lab.run(chain(task, show(**{"x.$": "$x", "in.$": "$"})), {})

    assert run.output == {"x": 1, "in": {"result": {"cut": True}}}


def test_assign_in_a_pass_state_sees_its_result(lab: Lab) -> None:
    """AWS, BASE_ASSIGN_FROM_RESULT."""
    state = {**PASS, "Result": {"answer": 42}, "Assign": {"x.$": "$.answer"}}
    run = lab.run(chain(state, show(**{"x.$": "$x"})))

    assert run.output == {"x": 42}


def test_assign_may_call_intrinsic_functions(lab: Lab) -> None:
    """AWS, BASE_ASSIGN_FROM_INTRINSIC_FUNCTION and BASE_REFERENCE_IN_INTRINSIC_FUNCTION."""
    run = lab.run(
        chain(
            assign(**{"x.$": "States.MathAdd($.n, 1)"}),
            show(**{"y.$": "States.Format('{}-{}', $x, $x)"}),
        ),
        {"n": 1},
    )

    assert run.output == {"y": "2-2"}


@pytest.mark.parametrize(
    ("state", "output"),
    [
        ({**PASS, "InputPath": "$v"}, {"a": [1]}),
        ({**PASS, "OutputPath": "$v.a"}, [1]),
        (
            {
                "Type": "Map",
                "ItemsPath": "$v.a",
                "ItemProcessor": {"StartAt": "i", "States": {"i": PASS}},
            },
            [1],
        ),
    ],
)
def test_a_path_may_start_at_a_variable(lab: Lab, state: dict[str, Any], output: Any) -> None:
    """AWS, test_reference_assign and test_reference_in_map_state."""
    assert lab.run(chain(assign(v={"a": [1]}), state), {}).output == output


def test_a_choice_may_compare_variables(lab: Lab) -> None:
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$v", "NumericEqualsPath": "$w", "Next": "s2"}],
    }
    run = lab.run(chain(assign(v=1, w=1), choice, {**PASS, "Result": "equal"}))

    assert run.output == "equal"


def test_a_wait_may_take_its_seconds_from_a_variable(lab: Lab) -> None:
    run = lab.run(chain(assign(n=7), {"Type": "Wait", "SecondsPath": "$n"}))

    assert lab.elapsed(run) == 7


def test_a_fail_state_may_take_its_error_from_a_variable(lab: Lab) -> None:
    """AWS, BASE_REFERENCE_IN_FAIL."""
    fail = {"Type": "Fail", "ErrorPath": "$e", "CausePath": "$c"}
    run = lab.run(chain(assign(e="Exception", c="An Exception was encountered"), fail))

    assert (run.error, run.cause) == ("Exception", "An Exception was encountered")


def test_a_variable_that_is_not_there_is_a_runtime_error(lab: Lab) -> None:
    run = lab.run(chain(show(**{"x.$": "$nowhere"})))

    assert run.error == "States.Runtime"


@pytest.mark.parametrize("wait", [{"Type": "Wait", "Seconds": 0}, {"Type": "Wait", "Seconds": 1}])
def test_wait_and_choice_assign_from_their_input(lab: Lab, wait: dict[str, Any]) -> None:
    """AWS, test_assign_in_wait_state."""
    run = lab.run(chain({**wait, "Assign": {"x.$": "$.a"}}, show(**{"x.$": "$x"})), {"a": 1})

    assert run.output == {"x": 1}


@pytest.mark.parametrize(("condition", "x"), [(True, "rule"), (False, "default")])
def test_a_choice_assigns_what_the_rule_that_holds_says(lab: Lab, condition: bool, x: str) -> None:
    """AWS, test_assign_in_choice: the state's own Assign goes with Default."""
    choice = {
        "Type": "Choice",
        "Choices": [
            {
                "Variable": "$.condition",
                "BooleanEquals": True,
                "Next": "s1",
                "Assign": {"x": "rule"},
            }
        ],
        "Default": "s1",
        "Assign": {"x": "default"},
    }
    run = lab.run(chain(choice, show(**{"x.$": "$x"})), {"condition": condition})

    assert run.output == {"x": x}


def test_a_catcher_assigns_from_the_error(lab: Lab) -> None:
    """AWS, test_assign_in_catch_state."""

    def broken(_: Any) -> Any:
        raise ValueError("no")

    lab.functions["f"] = broken
    task = {
        "Type": "Task",
        "Resource": FUNCTION + "f",
        "Assign": {"x": "not this"},
        "Catch": [
            {
                "ErrorEquals": ["States.ALL"],
                "Next": "s1",
                "Assign": {"x.$": "$.Error"},
                "ResultPath": "$.error",
            }
        ],
    }
    run = lab.run(chain(task, show(**{"x.$": "$x", "a.$": "$.a"})), {"a": 1})

    assert run.output == {"x": "ValueError", "a": 1}


def test_iterations_see_outer_variables_and_keep_their_own(lab: Lab) -> None:
    """AWS, BASE_SCOPE_MAP."""
    inner = {**PASS, "Parameters": {"x.$": "$x"}, "Assign": {"mine.$": "$"}}
    graph = {"StartAt": "i", "States": {"i": {**inner, "End": True}}}
    state = {"Type": "Map", "ItemProcessor": graph, "Assign": {"after.$": "$x"}}
    run = lab.run(chain(assign(x=42), state, show(**{"after.$": "$after"})), [1, 2])
    outside = lab.run(chain(assign(x=42), state, show(**{"mine.$": "$mine"})), [1])

    assert run.output == {"after": 42}
    assert outside.error == "States.Runtime"


def test_branches_do_not_see_each_others_variables(lab: Lab) -> None:
    """AWS, BASE_SCOPE_PARALLEL."""
    branches = [
        {
            "StartAt": f"a{number}",
            "States": {
                f"a{number}": {"Type": "Pass", "Assign": {"v": number}, "Next": f"b{number}"},
                f"b{number}": {**PASS, "Parameters": {"v.$": "$v", "x.$": "$x"}},
            },
        }
        for number in range(2)
    ]
    run = lab.run(chain(assign(x=0), {"Type": "Parallel", "Branches": branches}))

    assert run.output == [{"v": 0, "x": 0}, {"v": 1, "x": 0}]


def test_children_of_a_map_run_see_no_outer_variables(lab: Lab) -> None:
    """The page's "Scope of variables": a Distributed Map's workflow is one of its own."""
    child = {"StartAt": "i", "States": {"i": show(**{"x.$": "$x"})}}
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **child}
    state = {"Type": "Map", "ItemProcessor": processor, "ToleratedFailurePercentage": 100}
    run = lab.run(chain(assign(x=1), state), [1])

    assert run.output[0]["Error"] == "States.Runtime"


def test_variables_pass_between_the_query_languages(lab: Lab) -> None:
    """AWS, test_variable_sampling."""
    jsonata = {
        "Type": "Pass",
        "QueryLanguage": "JSONata",
        "Assign": {"y": "{% $x + 1 %}"},
    }
    run = lab.run(chain(assign(x=1), jsonata, show(**{"y.$": "$y"})))

    assert run.output == {"y": 2}


def test_variables_that_are_too_large_fail_the_state(lab: Lab) -> None:
    """Limits: all that one Assign sets has at most 256 KiB."""
    run = lab.run(
        chain({**PASS, "Assign": {"a.$": "$.t", "b.$": "$.t", "c.$": "$.t"}}), {"t": "x" * 100_000}
    )

    assert run.error == "States.DataLimitExceeded"


def test_assign_must_be_an_object(lab: Lab) -> None:
    with pytest.raises(ApiError) as caught:
        lab.run(chain({**PASS, "QueryLanguage": "JSONata", "Assign": "x"}))

    assert caught.value.code == "InvalidDefinition"
