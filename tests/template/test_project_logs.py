"""A project's own functions and machines log as the framework's do."""

from typing import Any

from tests.template.stack import EXAMPLE, ISSUER, TEMPLATE

from sfn_cqrs_tools.runtime.template import Template


def test_a_project_obeys_the_parameters_of_logs() -> None:
    given = {**ISSUER, "LogLevel": "DEBUG", "LogRetentionDays": "7"}
    shop = Template.load(EXAMPLE / "template.yaml", parameters=given)
    declared: list[dict[str, Any]] = [
        one
        for name, one in shop.document["Resources"].items()
        if name not in TEMPLATE.document["Resources"]
        and one["Type"] in ("AWS::Serverless::Function", "AWS::Logs::LogGroup")
    ]
    own = [shop.resolve(one["Properties"]) for one in declared]
    functions = [one["LoggingConfig"] for one in own if "LoggingConfig" in one]
    levels = {(one["ApplicationLogLevel"], one["SystemLogLevel"]) for one in functions}
    kept = {str(one["RetentionInDays"]) for one in own if "RetentionInDays" in one}

    assert len(functions) == sum(one["Type"].endswith("Function") for one in declared)
    assert levels == {("DEBUG", "WARN")}
    assert kept == {"7"}
