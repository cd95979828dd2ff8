"""Resources that need one another are named by the shortest way round."""

import pytest

from sfn_cqrs_tools.runtime.circles import circle_told, shortest_circle


def policy(*on):
    return {"Properties": {"Statement": [{"Resource": list(on)}]}}


CIRCLE = {
    "AppPolicy": policy({"Ref": "EscalationStateMachine"}, {"Ref": "Stage"}),
    "EscalationStateMachine": {"Uses": {"Fn::GetAtt": "MarkFunction.Arn"}},
    "MarkFunction": {"Variables": {"Fn::GetAtt": ["Cqrs", "Outputs.Environment"]}},
    "Cqrs": {"Parameters": {"AppPolicy": {"Ref": "AppPolicy"}}, "DependsOn": ["Alarm"]},
    "Alarm": {"DependsOn": "Table", "Text": "DependsOn MarkFunction"},
    "Table": {"Name": {"Fn::Sub": "${AWS::StackName}-x"}},
}


def test_the_shortest_circle_is_named_and_nothing_beside_it():
    assert shortest_circle(CIRCLE) == [
        *("AppPolicy", "EscalationStateMachine", "MarkFunction", "Cqrs", "AppPolicy")
    ]
    assert circle_told(CIRCLE).startswith(
        "these resources need one another: AppPolicy -> EscalationStateMachine -> MarkFunction"
        " -> Cqrs -> AppPolicy. Write one of the references as a text"
    )


@pytest.mark.parametrize(
    ("reference", "is_circle"),
    [
        ({"Fn::Sub": "arn:${A}/x"}, True),
        ({"Fn::Sub": "${A.Arn}"}, True),
        ({"Fn::Sub": "${!A}"}, False),
        ({"Fn::Sub": ["${A}", {"A": "a text"}]}, False),
        ({"Fn::Sub": ["${Name}", {"Name": {"Ref": "A"}}]}, True),
        ({"Fn::If": ["IsProd", {"Ref": "A"}, "-"]}, True),
        ({"Fn::Sub": "arn:*-a"}, False),
    ],
)
def test_each_way_to_refer_to_a_resource_is_one(reference, is_circle):
    found = shortest_circle({"A": {"Needs": {"Ref": "B"}}, "B": {"Needs": reference}})

    assert found == (["A", "B", "A"] if is_circle else [])


def test_a_resource_that_needs_itself_is_a_circle():
    assert shortest_circle({"A": {"Needs": {"Ref": "A"}}}) == ["A", "A"]


def test_where_there_is_none_nothing_is_said():
    assert circle_told({**CIRCLE, "AppPolicy": policy("arn:aws:states:*:*:stateMachine:*")}) == ""
