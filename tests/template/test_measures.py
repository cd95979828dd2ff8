"""What AWS measures at a deploy, with the longest names and everything switched on."""

import pytest
from tests.template.on_aws import EVERYTHING, Deploy, OnAws, everything, json_bytes
from tests.template.stack import EXAMPLE, TEMPLATE

from sfn_cqrs_tools.scaffold.names import LONGEST_MACHINE
from sfn_local.lint.template_file import load_yaml

MOST_BYTES_OF_AN_ENVIRONMENT = 4096
MOST_BYTES_OF_INLINE_POLICIES = 10_240
MOST_BYTES_OF_A_MANAGED_POLICY = 6_144
MOST_MANAGED_POLICIES = 10
MOST_ENTRIES = {"Parameters": 200, "Mappings": 200, "Resources": 500, "Outputs": 200}
SPREAD = "SFN_CQRS_ENVIRONMENT"


def test_each_functions_environment_fits() -> None:
    found = everything().environments()

    assert len(found) >= len(TEMPLATE.functions)
    assert {name: n for name, n in found.items() if n > MOST_BYTES_OF_AN_ENVIRONMENT} == {}


def test_the_environment_fits_as_the_one_variable_of_a_projects_own_functions() -> None:
    own = load_yaml(EXAMPLE / "template.yaml")["Globals"]["Function"]
    declared = dict.fromkeys(own["Environment"]["Variables"], "")

    assert SPREAD in declared
    given = {**declared, SPREAD: everything().environment()}
    assert json_bytes(given) <= MOST_BYTES_OF_AN_ENVIRONMENT


def test_every_name_that_the_template_gives_fits() -> None:
    assert everything().too_long() == {}


def test_the_name_of_a_projects_own_machine_fits() -> None:
    prefix = everything().resolve({"Ref": "AWS::StackName"})

    assert len(f"{prefix}-{'m' * LONGEST_MACHINE}") == 80


def test_the_policies_fit() -> None:
    deploy = everything()
    inline, managed, attached = (
        deploy.inline_policies(),
        deploy.managed_policies(),
        deploy.attached(),
    )

    assert {name for name, n in inline.items() if n > MOST_BYTES_OF_INLINE_POLICIES} == set()
    assert {name for name, n in managed.items() if n > MOST_BYTES_OF_A_MANAGED_POLICY} == set()
    assert {name for name, n in attached.items() if n > MOST_MANAGED_POLICIES} == set()
    assert max(inline.values()) > 2_000
    assert max(attached.values()) >= 5


def test_the_template_has_room_for_what_it_has() -> None:
    found = everything().counts()

    assert {name for name, most in MOST_ENTRIES.items() if found[name] > most} == set()
    assert found["Resources"] > 300


def faulty() -> Deploy:
    """A template with one resource of each kind, each as large as it may not be."""
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "x" * 11_000}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    resources = {
        "F": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": "f" * 65,
                "Environment": {"Variables": {"A": "x" * 4089}},
            },
        },
        "M": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {"StateMachineName": {"Fn::Join": ["-", ["m" * 60, "m" * 20]]}},
        },
        "R": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "Policies": [{"PolicyName": "p", "PolicyDocument": policy}],
                "ManagedPolicyArns": [f"arn:aws:iam::aws:policy/{n}" for n in range(10)],
            },
        },
        "P": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"PolicyDocument": policy, "Roles": [{"Ref": "R"}]},
        },
        "Off": {"Type": "AWS::IAM::Role", "Condition": "Never", "Properties": {}},
    }
    document = {
        "Resources": resources,
        "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}},
        "Outputs": {str(n): {} for n in range(201)},
    }
    return Deploy(document, OnAws(document, {}))


def test_each_measure_finds_what_is_too_large() -> None:
    deploy = faulty()

    assert deploy.environments() == {"F": MOST_BYTES_OF_AN_ENVIRONMENT + 1}
    assert set(deploy.too_long()) == {"F", "M"}
    assert deploy.inline_policies()["R"] > MOST_BYTES_OF_INLINE_POLICIES
    assert deploy.managed_policies()["P"] > MOST_BYTES_OF_A_MANAGED_POLICY
    assert deploy.attached() == {"R": 11}
    assert deploy.counts()["Outputs"] > MOST_ENTRIES["Outputs"]


@pytest.mark.parametrize("name", sorted(EVERYTHING))
def test_what_is_measured_is_a_parameter_of_the_template(name: str) -> None:
    assert name in TEMPLATE.document["Parameters"]
