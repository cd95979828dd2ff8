import json
import os
from pathlib import Path
from shutil import copytree, ignore_patterns
from unittest.mock import Mock

import pytest

from sfn_cqrs_tools.runtime import translation
from sfn_cqrs_tools.runtime.template import Route, Template
from sfn_cqrs_tools.stack.project_template import load_template
from sfn_local.lint.template_file import TemplateError, load_yaml

TOY = Path(__file__).parent / "toy" / "template.yaml"


@pytest.fixture
def template():
    return Template.load(TOY, stack="toy", parameters={"Issuer": "https://issuer.test"})


def test_a_function_has_its_own_properties_over_those_of_globals(template):
    function = template.functions["ToyHelloFunction"]

    assert function.name == "toy-ToyHelloFunction"
    assert function.arn == "arn:aws:lambda:us-east-1:000000000000:function:toy-ToyHelloFunction"
    assert function.folder == TOY.parent / "functions" / "hello"
    assert (function.handler, function.timeout, function.memory) == ("app.lambda_handler", 1, 256)


def test_a_template_is_parsed_once_and_is_everybodys_own():
    first, second = load_yaml(TOY), load_yaml(TOY)
    first["Resources"]["ApiFunction"]["Properties"].clear()

    assert load_yaml(TOY) == second != first


def test_a_function_says_how_often_an_event_is_tried_again(template):
    properties = template.document["Resources"]["ApiFunction"]["Properties"]
    properties["EventInvokeConfig"] = {"MaximumRetryAttempts": 0}

    assert template.functions["ApiFunction"].event_retries == 0
    assert template.functions["ToyHelloFunction"].event_retries == 2


def test_the_environment_is_resolved_with_the_names_of_the_stack(template):
    assert template.environment == {
        "FILES_BUCKET": "toy-filesbucket",
        "ITEMS_TABLE": "toy-ItemsTable",
        "NOTES_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/toy-NotesQueue",
        "NOTES_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:toy-NotesTopic",
        "TOY_MACHINE_ARN": "arn:aws:states:us-east-1:000000000000:stateMachine:toy-toy",
        "STAGE": "test-dev",
    }


def test_functions_that_disagree_on_a_variable_are_refused(template):
    properties = template.document["Resources"]["ApiFunction"]["Properties"]
    properties["Environment"] = {"Variables": {"STAGE": "other"}}

    with pytest.raises(TemplateError, match=r"ApiFunction sets STAGE.*in Globals"):
        _ = template.environment


@pytest.mark.parametrize(("more", "is_refused"), [(0, False), (1, True)])
def test_an_environment_that_lambda_would_refuse_is_refused(template, more, is_refused):
    properties = template.document["Resources"]["ApiFunction"]["Properties"]
    rest = len(json.dumps({**template.environment, "TEXT": ""}, separators=(",", ":")))
    properties["Environment"] = {"Variables": {"TEXT": "x" * (4096 - rest + more)}}
    parameters = template.overrides
    fresh = Template(template.document, template.root, stack="toy", parameters=parameters)

    if is_refused:
        with pytest.raises(TemplateError, match="ApiFunction: its environment has 4,097 bytes"):
            _ = fresh.functions
    else:
        assert fresh.functions["ApiFunction"].environment["TEXT"]


def test_a_parameter_changes_what_its_conditions_decide():
    prod = Template.load(TOY, parameters={"Issuer": "https://i.test", "Stage": "prod"})

    assert prod.environment["STAGE"] == "live"
    assert "ProdOnlyQueue" in prod.resources


def test_a_resource_whose_condition_fails_does_not_exist(template):
    assert "ProdOnlyQueue" not in template.resources


def test_a_list_parameter_is_a_list(template):
    assert template.parameters["Days"] == ["1", "2"]


def test_a_machine_has_its_placeholders_replaced(template):
    machine = template.machines["toy"]
    definition = json.loads(machine.definition)

    hello = definition["States"]["each"]["ItemProcessor"]["States"]["hello"]
    assert hello["Parameters"]["FunctionName"] == template.functions["ToyHelloFunction"].arn
    assert machine.arn == "arn:aws:states:us-east-1:000000000000:stateMachine:toy-toy"


def test_a_placeholder_without_a_substitution_is_named(template):
    template.document["Resources"]["ToyMachine"]["Properties"]["DefinitionSubstitutions"] = {}

    with pytest.raises(TemplateError, match=r"toy.asl.json uses \$\{ToyHelloFunction\}"):
        _ = template.machines["toy"].definition


def test_the_function_of_a_state_inside_a_map_is_found(template):
    assert template.state_function("toy", "hello") is template.functions["ToyHelloFunction"]


@pytest.mark.parametrize(
    ("machine", "state", "message"),
    [
        ("toyy", "hello", "there is no machine toyy (did you mean toy?); there is toy"),
        (
            "toy",
            "helo",
            "there is no state of toy helo (did you mean hello?); there are done, each, hello",
        ),
        ("toy", "done", "the state done of toy calls no function"),
    ],
)
def test_a_state_that_is_not_there_is_answered_with_those_that_are(
    template, machine, state, message
):
    with pytest.raises(TemplateError) as error:
        template.state_function(machine, state)

    assert str(error.value) == message


def test_the_routes_are_those_of_the_http_api_events(template):
    assert template.routes == [
        Route("ApiFunction", "GET", "/items/{id}"),
        Route("ApiFunction", "ANY", "/files/{proxy+}"),
        Route("ApiFunction", "POST", "/items"),
    ]


def test_a_route_without_an_authorizer_says_so(template):
    events = template.document["Resources"]["ApiFunction"]["Properties"]["Events"]
    events["Item"]["Properties"]["Auth"] = {"Authorizer": "NONE"}

    assert [route.has_authorizer for route in template.routes] == [False, True, True]


def test_names_that_a_deploy_has_given_reach_environment_and_definitions(template):
    named = template.named({"ToyHelloFunction": "hello-1", "ItemsTable": "items-1"})

    assert named.environment["ITEMS_TABLE"] == "items-1"
    assert '"arn:aws:lambda:us-east-1:000000000000:function:hello-1"' in (
        named.machines["toy"].definition
    )
    assert template.name("ItemsTable") == "toy-ItemsTable"


def test_cors_comes_from_globals_when_the_api_is_implicit(template):
    assert template.cors == {
        "AllowOrigins": ["https://shop.example"],
        "AllowMethods": ["GET", "POST"],
        "AllowHeaders": ["content-type"],
        "MaxAge": 60,
    }


def test_sam_translates_the_template_without_a_network(template, monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)

    resources = template.translate()["Resources"]

    kinds = {resource["Type"] for resource in resources.values()}
    assert "AWS::Lambda::EventSourceMapping" in kinds
    assert not [kind for kind in kinds if kind.startswith("AWS::Serverless::")]
    assert "DefinitionString" in resources["ToyMachine"]["Properties"]


def test_what_sam_refuses_is_refused_with_its_reason(template):
    template.document["Resources"]["ApiFunction"]["Properties"]["Events"] = {"X": {"Type": "No"}}

    with pytest.raises(TemplateError, match=r"SAM refuses the template: .*ApiFunction"):
        template.translate()


@pytest.fixture
def copied(tmp_path):
    """A copy of the toy, which nobody has translated."""
    copytree(TOY.parent, tmp_path / "toy", ignore=ignore_patterns(".build"))
    return tmp_path / "toy"


def translated(folder, issuer="https://issuer.test"):
    return Template.load(folder / "template.yaml", parameters={"Issuer": issuer}).translate()


def test_what_was_translated_is_kept_until_a_definition_changes(copied, monkeypatch):
    first = translated(copied)
    by_sam = Mock(side_effect=translation._by_sam)
    monkeypatch.setattr(translation, "_by_sam", by_sam)

    assert translated(copied) == first
    by_sam.assert_not_called()

    (definition,) = copied.rglob("*.asl.json")
    definition.write_text('{"Comment": "new", ' + definition.read_text().lstrip()[1:])
    assert translated(copied) != first
    by_sam.assert_called_once()


def test_what_was_kept_by_half_is_translated_again(copied):
    first = translated(copied)
    (kept,) = (copied / ".build").iterdir()
    kept.write_text(kept.read_text()[:100])

    assert translated(copied) == first


def test_a_folder_that_cannot_be_written_is_no_hindrance(copied):
    (copied / ".build").write_text("a file")

    assert translated(copied)["Resources"]


def test_only_the_newest_translations_are_kept(copied, monkeypatch):
    monkeypatch.setattr(translation, "_KEPT", 2)
    for name in ("one", "two", "three"):
        translated(copied, f"https://{name}.test")

    assert len(list((copied / ".build").iterdir())) == 2


def test_a_translation_that_is_asked_for_stays_while_older_ones_go(copied, monkeypatch):
    monkeypatch.setattr(translation, "_KEPT", 2)
    translated(copied, "https://one.test")
    (first,) = (copied / ".build").iterdir()
    os.utime(first, (1, 1))
    translated(copied, "https://two.test")

    translated(copied, "https://one.test")
    (second,) = set((copied / ".build").iterdir()) - {first}
    os.utime(second, (2, 2))
    translated(copied, "https://three.test")

    assert first.exists()
    assert not second.exists()


def test_a_parameter_without_a_value_is_named():
    with pytest.raises(TemplateError, match="the parameter Issuer has no default"):
        Template.load(TOY)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a list", "it has no Resources"),
        ("Resources: []", "it has no Resources"),
        ("Resources: {A: {}}", "the resource A has no Type"),
        ("Resources:\n  A: [\n", r"is not YAML: .* at line 3, column 1$"),
        ("Metadata: &self [*self]\nResources: {}\n", "is nested too deep, or in itself"),
    ],
)
def test_text_that_is_no_template_is_refused(tmp_path, text, message):
    path = tmp_path / "template.yaml"
    path.write_text(text)

    with pytest.raises(TemplateError, match=message):
        Template.load(path)


def test_a_folder_in_place_of_a_template_is_refused(tmp_path):
    with pytest.raises(TemplateError, match=r"cannot be read: Is a directory$"):
        Template.load(tmp_path)


def test_an_unknown_parameter_is_refused():
    with pytest.raises(TemplateError, match="the template has no parameter Isuer"):
        Template.load(TOY, parameters={"Isuer": "x"})


def test_cors_that_a_condition_turns_off_is_off(template):
    template.document["Globals"]["HttpApi"]["CorsConfiguration"] = {
        "Fn::If": ["IsProd", {"AllowOrigins": ["*"]}, {"Ref": "AWS::NoValue"}]
    }

    assert template.cors == {}


def test_a_cluster_is_refused_because_postgresql_is_there_anyway():
    with pytest.raises(TemplateError, match="PostgreSQL is there anyway"):
        load_template(TOY, parameters={"Postgres": "aurora"})
