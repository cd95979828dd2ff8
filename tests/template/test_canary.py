"""What a deploy does to the functions that run users' code: a tenth first, and back by itself."""

import copy
import json
import re
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import Any

import pytest
from samtranslator.translator.logical_id_generator import LogicalIdGenerator
from tests.template.stack import ISSUER, ROOT, TEMPLATE, of_type, translated

from sfn_cqrs_tools.runtime.nesting import parts
from sfn_cqrs_tools.runtime.template import Template
from sfn_cqrs_tools.runtime.translation import version_texts

BEHIND_AN_ALIAS = {
    f"{name}Function"
    for name in (
        "CommandTransformData",
        "CommandSyncData",
        "TaskIterator",
        "ImportCsvCsvRowsHandler",
        "ZipOrchestratorFinalizeZipJob",
        "ApprovalProcessApproval",
        "ApprovalRejected",
        "ApprovalExpired",
        "RebuildWorkOnSegment",
        "SagaRunSteps",
        "SagaUndoSteps",
        "QueueOnTaskAction",
        "SchedulePublishDue",
        "QueueOnImportAction",
        "QueueOnNotification",
        "ApiHandleRequest",
        "ApiReceiveWebhook",
    )
}
ALARMS = [
    "DeployErrorsAlarm",
    "CommandExecutionsFailedAlarm",
    "ApprovalExecutionsFailedAlarm",
    "RebuildExecutionsFailedAlarm",
    "ApiServerErrorsAlarm",
]
BY_MACHINE = {
    "CommandTransformDataFunction": "CommandExecutionsFailedAlarm",
    "ApprovalProcessApprovalFunction": "ApprovalExecutionsFailedAlarm",
    "ApprovalRejectedFunction": "ApprovalExecutionsFailedAlarm",
    "ApprovalExpiredFunction": "ApprovalExecutionsFailedAlarm",
    "RebuildWorkOnSegmentFunction": "RebuildExecutionsFailedAlarm",
}
"""Whose errors show in their machine: each metric more would cost ten cents a month."""
WITH_OTHERS = {
    "SagaRunStepsFunction",
    "SagaUndoStepsFunction",
    "SchedulePublishDueFunction",
    "ApiReceiveWebhookFunction",
}
"""A package that cannot be loaded shows in the others.

A step's error turns its saga back, a plan that is refused is told as REFUSED, and a webhook is
sent again.
"""
MOST_RESOURCES = 500
REFERENCE = re.compile(r"\$\{(\w+)(?:\.\w+)?\}")


@cache
def deployed(**parameters: str) -> dict[str, dict[str, Any]]:
    """The resources of a deploy with parameters."""
    template = Template.load(ROOT / "template.yaml", parameters={**ISSUER, **parameters})
    resources: dict[str, dict[str, Any]] = template.translate()["Resources"]
    return resources


def of(resources: dict[str, dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {name: one for name, one in resources.items() if one["Type"] == kind}


def references(value: Any) -> Iterator[str]:
    """Yield the names that a value refers to."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            yield name
        case {"Fn::Sub": str(text)} | {"Fn::Sub": [str(text), *_]}:
            yield from REFERENCE.findall(text)
        case dict():
            for one in value.values():
                yield from references(one)
        case list():
            for one in value:
                yield from references(one)


def test_the_functions_that_run_users_code_are_behind_an_alias() -> None:
    aliases = of_type("AWS::Lambda::Alias")

    assert {f"{name}Aliaslive" for name in BEHIND_AN_ALIAS} == set(aliases)
    for name in BEHIND_AN_ALIAS:
        alias = aliases[f"{name}Aliaslive"]
        assert (alias["Name"], alias["FunctionName"]) == ("live", {"Ref": name})


@pytest.mark.parametrize("kind", ["AWS::StepFunctions::StateMachine", "AWS::IAM::Role"])
def test_machines_call_and_may_call_the_alias_and_never_the_latest_code(kind: str) -> None:
    for logical_id, one in of_type(kind).items():
        called = one.get("DefinitionSubstitutions", one.get("Policies", []))
        named = set(references(called))
        assert not named & BEHIND_AN_ALIAS, logical_id
    machines = of_type("AWS::StepFunctions::StateMachine").values()
    called = {name for one in machines for name in references(one["DefinitionSubstitutions"])}
    others = {
        "QueueOnTaskAction",
        "QueueOnImportAction",
        "QueueOnNotification",
        "ApiHandleRequest",
        "ApiReceiveWebhook",
        "SchedulePublishDue",
    }
    assert {f"{one}Aliaslive" for one in BEHIND_AN_ALIAS} - called == {
        f"{one}FunctionAliaslive" for one in others
    }


def test_queues_call_the_alias_too() -> None:
    called = {
        mapping["FunctionName"]["Ref"]
        for mapping in of_type("AWS::Lambda::EventSourceMapping").values()
    }

    assert not called & BEHIND_AN_ALIAS
    assert {one for one in called if one.endswith("Aliaslive")} == {
        "QueueOnTaskActionFunctionAliaslive",
        "QueueOnImportActionFunctionAliaslive",
        "QueueOnNotificationFunctionAliaslive",
    }


@pytest.mark.parametrize(
    ("parameters", "is_gradual"),
    [
        ({"Stage": "dev"}, False),
        ({"Stage": "stg"}, False),
        ({"Stage": "prod"}, True),
        ({"Stage": "prod", "CanaryDeploys": "disabled"}, False),
        ({"Stage": "dev", "CanaryDeploys": "enabled"}, True),
    ],
)
def test_a_deploy_to_prod_begins_with_a_tenth_and_is_taken_back_by_alarms(
    parameters: dict[str, str], is_gradual: bool
) -> None:
    resources = deployed(**parameters)
    groups = of(resources, "AWS::CodeDeploy::DeploymentGroup")

    assert len(groups) == (len(BEHIND_AN_ALIAS) if is_gradual else 0)
    for alias in of(resources, "AWS::Lambda::Alias").values():
        assert ("CodeDeployLambdaAliasUpdate" in alias.get("UpdatePolicy", {})) is is_gradual
    for name, group in groups.items():
        told = group["Properties"]
        assert "Canary10Percent10Minutes" in json.dumps(told["DeploymentConfigName"])
        assert told["AutoRollbackConfiguration"]["Enabled"]
        assert "DEPLOYMENT_STOP_ON_ALARM" in told["AutoRollbackConfiguration"]["Events"]
        condition, watched, _ = told["AlarmConfiguration"]["Fn::If"]
        assert (condition, watched["Enabled"]) == ("HasCanary", True)
        alarms = ALARMS[:-1] if name.startswith("Api") else ALARMS
        assert [alarm["Name"]["Ref"] for alarm in watched["Alarms"]] == alarms
    template = Template.load(ROOT / "template.yaml", parameters={**ISSUER, **parameters})
    assert template.resolve({"Condition": "HasCanary"}) is is_gradual


def test_a_gradual_deploy_fits_into_a_stack_and_waits_for_nothing_in_a_circle() -> None:
    resources = deployed(Stage="prod")

    assert len(resources) <= MOST_RESOURCES
    graph = {
        name: {other for other in references(one) if other in resources}
        | set(one.get("DependsOn", []) if isinstance(one.get("DependsOn"), list) else [])
        for name, one in resources.items()
    }
    assert set(TopologicalSorter(graph).static_order()) == set(resources)


def test_the_apis_own_canary_could_not_watch_the_apis_alarm() -> None:
    """The alarm names the API, the API its function's alias, and the alias waits for its group."""
    resources = copy.deepcopy(deployed(Stage="prod"))
    ours = next(name for name in resources if name.startswith("ApiHandleRequestFunctionDeploy"))
    group = resources[ours]["Properties"]["AlarmConfiguration"]["Fn::If"][1]
    group["Alarms"].append({"Name": {"Ref": "ApiServerErrorsAlarm"}})
    graph = {
        name: {other for other in references(one) if other in resources}
        for name, one in resources.items()
    }

    with pytest.raises(CycleError):
        TopologicalSorter(graph).prepare()


def test_every_new_version_is_watched_by_its_own_errors_or_by_its_machine() -> None:
    resources = deployed(Stage="prod")
    machines = of(resources, "AWS::StepFunctions::StateMachine")
    called = {
        function: machines[machine]["Properties"]["StateMachineName"]["Fn::Sub"]
        for machine in machines
        for function in BY_MACHINE
        if f"{function}Aliaslive" in references(machines[machine])
    }

    assert {*_by_version("Errors"), *BY_MACHINE, *WITH_OTHERS} == BEHIND_AN_ALIAS
    assert _by_version("Invocations") == ["CommandSyncDataFunction"]
    for function, alarm in BY_MACHINE.items():
        assert f":{called[function]}" in json.dumps(resources[alarm])


def _by_version(metric: str) -> list[str]:
    """The functions of whose new version alone the canary's alarm counts something."""
    found = []
    resources = deployed(Stage="prod")
    for one in resources["DeployErrorsAlarm"]["Properties"]["Metrics"]:
        counted = one.get("MetricStat", {}).get("Metric")
        if counted and counted["MetricName"] == metric:
            function, resource, version = (each["Value"] for each in counted["Dimensions"])
            name, attribute = version["Fn::GetAtt"]
            assert resources[name]["Properties"]["FunctionName"] == function
            assert (attribute, resource) == ("Version", {"Fn::Sub": f"${{{function['Ref']}}}:live"})
            found.append(function["Ref"])
    return found


def test_a_changed_layer_is_a_new_version_of_what_is_behind_an_alias() -> None:
    """And it changes with the user's package: see layer/Makefile."""
    changed = copy.copy(TEMPLATE)
    changed.document = copy.deepcopy(TEMPLATE.document)
    changed.document["Resources"]["FrameworkLayer"]["Properties"]["Description"] = "Other code"

    before = set(of_type("AWS::Lambda::Version"))
    after = set(of(changed.translate()["Resources"], "AWS::Lambda::Version"))

    assert len(before) == len(after) == len(BEHIND_AN_ALIAS)
    assert not before & after


def test_a_parameter_makes_no_new_version_by_itself() -> None:
    """So the framework's layer has a digest of them: see layer/Makefile."""
    before = set(of_type("AWS::Lambda::Version"))

    assert set(of(deployed(TenantWriteRate="7"), "AWS::Lambda::Version")) == before


def test_both_apis_call_the_alias_by_a_permission_each() -> None:
    """A permission of each of fifty routes would be above Lambda's 20 KB."""
    permissions = of(translated(), "AWS::Lambda::Permission").values()
    asked = [one["Properties"] for one in permissions if "apigateway" in json.dumps(one)]
    alias = {"Ref": "ApiHandleRequestFunctionAliaslive"}
    (machines,) = of_type("AWS::ApiGatewayV2::Integration").values()
    users = of_type("AWS::ApiGatewayV2::Api")["HttpApi"]["Body"]["paths"]["/$default"]

    assert sum(one["FunctionName"] == alias for one in asked) == 2
    assert {"Ref": "ApiHandleRequestFunction"} not in [one["FunctionName"] for one in asked]
    assert machines["IntegrationUri"] == alias
    assert list(references(users)) == [alias["Ref"]]


def test_the_local_stack_publishes_by_sams_own_hash() -> None:
    """It has SAM make the hashes of less than the template, which is ten times as fast."""
    (part,) = parts(TEMPLATE.document, ROOT)
    texts = version_texts(part.document, ROOT, TEMPLATE.parameters)
    uploaded = re.compile(r"content-of-(\w+)")

    made = {
        LogicalIdGenerator(f"{name}Version", uploaded.sub(r"\1.zip", text)).gen()
        for name, text in texts.items()
    }

    assert made == set(of_type("AWS::Lambda::Version"))
