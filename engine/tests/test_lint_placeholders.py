"""The lint of definitions at rest: a placeholder is a value of unknown type.

Source: AWS SAM Developer Guide, DefinitionSubstitutions; Terraform, templatefile. The shapes are
those of public machines (sample-genai-idp, Account Factory for Terraform), in words of our own.
"""

import json
from typing import Any

import pytest

from sfn_local.lint import lint
from sfn_local.lint.validation import validate

INVOKE = "arn:aws:states:::lambda:invoke"


def errors(text: str) -> list[tuple[str, str]]:
    return [(each.id, each.pointer) for each in lint(text) if each.severity == "error"]


def one(**fields: Any) -> str:
    state = {"Type": "Pass", "End": True, **fields}
    return json.dumps({"StartAt": "it", "States": {"it": state}})


def choice(**rule: Any) -> str:
    first = {"Type": "Choice", "Choices": [{"Next": "end", **rule}], "Default": "end"}
    states = {"it": first, "end": {"Type": "Succeed"}}
    return json.dumps({"StartAt": "it", "States": states})


EACH = {"ItemProcessor": {"StartAt": "a", "States": {"a": {"Type": "Pass", "End": True}}}}
JSONATA = {"QueryLanguage": "JSONata"}


@pytest.mark.parametrize(
    "text",
    [
        one(**JSONATA, Output="{% ${Enabled} = true %}"),
        one(**JSONATA, Output="{% {'a': ${A}, 'b': $sum([${B}, 1])} %}"),
        one(**JSONATA, Output="{% $states.input.${Field}[0].a${Suffix} %}"),
        one(**JSONATA, Output="{% '${Name}' & \"${Other}\" %}"),
        one(Type="Wait", Seconds="${Seconds}"),
        one(Type="Wait", Timestamp="${At}"),
        one(Type="Map", MaxConcurrency="${Most}", ItemsPath="$.${Items}", **EACH),
        one(Type="Task", Resource="${Resource}", TimeoutSeconds="${Limit}", Retry="${Retry}"),
        one(Type="Task", Resource=INVOKE, Parameters="${Parameters}"),
        one(Parameters={"x.$": "${Path}", "y.$": "States.StringToJson(${Text})", "${K}": 1}),
        one(Parameters={"x.$": "$.a.${Field}", "y.$": "States.Format('{} ${Word}', $.b)"}),
        one(InputPath="${Path}", ResultPath="${Result}"),
        one(**{"${Field}": "x"}),
        choice(Variable="${Path}", NumericLessThan="${Least}"),
        choice(Variable="$.a", TimestampEquals="${At}"),
        choice(Variable="$.a", BooleanEquals="${Flag}"),
        choice(Variable="$.a", StringEqualsPath="${Path}"),
        choice(Variable="$.a", StringEquals="a").replace('"Next": "end"', '"Next": "${Target}"'),
        one().replace('"it", "States"', '"${First}", "States"'),
        one(Type="Wait", Seconds=7).replace("7", "${Seconds}"),
        one(Parameters={"n": 7}).replace("7", '${lookup(a, "b")}'),
    ],
)
def test_a_placeholder_is_a_value_of_unknown_type(text: str) -> None:
    assert errors(text) == []


def test_a_target_that_is_a_placeholder_may_be_any_state() -> None:
    text = choice(Variable="$.a", IsNull=True).replace('"Default": "end"', '"Default": "${Way}"')
    states = json.loads(text)
    states["States"]["other"] = {"Type": "Pass", "Next": "it"}

    assert errors(json.dumps(states)) == []
    assert "tight-loop" not in {each.id for each in lint(json.dumps(states))}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (one(**JSONATA, Output="{% ${Enabled} = %}"), "jsonata-syntax"),
        (one(**JSONATA, Output="{% ${Enabled} = $nothing %}"), "variable-undefined"),
        (one(**JSONATA, Output="{% $sume(${List}) %}"), "function-unknown"),
        (one(Parameters={"y.$": "States.StringToJason(${Text})"}), "intrinsic"),
        (one(Parameters={"y.$": "$.a[.${Text}"}), "path-syntax"),
        (one(Parametres="${Parameters}"), "field-unknown"),
        (one(Next="nowhere", End=False, Comment="${Text}"), "target-unknown"),
    ],
)
def test_a_mistake_beside_a_placeholder_is_found(text: str, rule: str) -> None:
    assert rule in {name for name, _ in errors(text)}


@pytest.mark.parametrize(
    "text",
    [
        one(Type="Wait", Seconds="${Seconds}"),
        one(Type="Wait", Seconds=7).replace("7", "${Seconds}"),
        one(**JSONATA, Output="{% ${Enabled} = true %}"),
        choice(Variable="$.a", StringEquals="a").replace('"Next": "end"', '"Next": "${Target}"'),
    ],
)
def test_aws_refuses_a_placeholder_that_nobody_replaced(text: str) -> None:
    assert validate(text)["result"] == "FAIL"
