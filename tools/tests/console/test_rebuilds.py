"""A rebuild's page: what it shows of the progress, and which steps it offers."""

from types import SimpleNamespace

import pytest

from sfn_cqrs_tools.client.aws import Target
from sfn_cqrs_tools.console.application import Ask
from sfn_cqrs_tools.console.backend import Backend
from sfn_cqrs_tools.console.pages.rebuilds import DANGEROUS, rebuild, step, steps_of
from sfn_cqrs_tools.console.rendering import environment
from sfn_cqrs_tools.console.who import Who

COUNTS = {"done": 0, "skipped": 0, "failed": 0}
MODEL = {
    "name": "by_size",
    "types": ["THING"],
    "place": "dynamodb",
    "since": "2026-11-25T12:00:00.000Z",
    "serving": 1,
    "other": 2,
    "attempt": 3,
    "everyVersion": False,
    "replayed": COUNTS,
    "compared": {"equal": 0, "onlyOne": 0, "different": 0},
}
PROGRESS = {"done": 40, "skipped": 10, "failed": 0, "hasStopped": False}


def model(stage, *, stopped=None, **more):
    progress = {} if stopped is None else {"progress": {**PROGRESS, "hasStopped": stopped}}
    return {**MODEL, "stage": stage, **progress, **more}


def shown(page, found, *, roles=("operator",), problems=(), **parts):
    """The text of a page about what the API answers."""
    answers = {"/rebuilds/by_size": found, "/rebuilds/by_size/problems": {"items": list(problems)}}
    api = SimpleNamespace(get=lambda path, **_query: answers[path])
    target = Target({"ReadModelsTableName": "t"}, {}, "stack")
    backend = Backend("stack", target, lambda _who: api, Who("kenji"), is_local=True)
    who = Who("kenji", roles=roles)
    view = page(Ask(backend, None, who, "/", {"name": "by_size", **parts}, {}))
    made = environment()
    made.globals["root"] = "/console"
    template = made.get_template(view.template)
    values = {"who": who, "csrf": "c", "asked": {}, **view.values}
    values["ui"] = made.get_template("macros.html").make_module({"root": "/console", **values})
    return "".join(template.blocks["content"](template.new_context(values))), view


@pytest.mark.parametrize(
    ("found", "steps"),
    [
        (model("SERVING"), ["rebuild"]),
        (model("REPLAYING", stopped=False), ["cancel", "drop"]),
        (model("COMPARING", stopped=True), ["resume", "cancel", "drop"]),
        (model("READY"), ["switch", "compare", "drop"]),
        (
            model("READY", replayed={**COUNTS, "failed": 1}),
            ["switch", "compare", "resume", "drop"],
        ),
        (model("SWITCHED"), ["rollback", "drop"]),
        (model("CANCELLED"), ["resume", "drop"]),
        (model("DROPPING", stopped=False), []),
        (model("DROPPING", stopped=True), ["resume"]),
    ],
)
def test_each_stage_offers_what_may_follow(found, steps):
    assert steps_of(found) == steps


def test_work_shows_how_far_it_is_and_is_looked_at_again():
    more = {"expected": 100, "perSecond": 12.5, "etaSeconds": 4}
    found = model("REPLAYING", stopped=False)
    found["progress"] |= more

    text, view = shown(rebuild, found)

    assert view.is_live
    assert ">50<small>%" in text
    assert "12 a second" in text
    assert "4.0 s" in text
    assert "/executions/rebuild/v-" in text


def test_work_that_has_stopped_says_why():
    found = model("REPLAYING", stopped=True)
    found["progress"] |= {"error": "States.Timeout", "cause": "<b>too late</b>\nmore"}

    text, _ = shown(rebuild, found)

    assert "The work has stopped." in text
    assert "States.Timeout &lt;b&gt;too late&lt;/b&gt;" in text


def test_what_failed_or_differs_is_listed_with_its_reason():
    found = model("READY", replayed={**COUNTS, "failed": 1})
    problem = {"what": "THING <1>", "error": "ValueError", "cause": "no size", "at": MODEL["since"]}

    text, _ = shown(rebuild, found, problems=[problem])

    assert "THING &lt;1&gt;" in text
    assert "ValueError</strong> no size" in text


def test_items_that_failed_are_left_out_only_by_who_says_so():
    text, _ = shown(step, model("READY", replayed={**COUNTS, "failed": 1}), step="switch")

    assert "are missing" in text
    assert 'name="with_failed" value="true" required' in text


@pytest.mark.parametrize(
    ("at", "has_button"), [("2999-01-01T00:00:00.000Z", False), ("2026-01-01T00:00:00.000Z", True)]
)
def test_what_may_still_be_read_is_not_dropped(at, has_button):
    text, _ = shown(step, model("SWITCHED", droppableAt=at), step="drop")

    assert ('<button class="danger">Drop</button>' in text) is has_button


@pytest.mark.parametrize("name", ["rollback", *DANGEROUS[1:]])
def test_a_member_has_no_button(name):
    text, _ = shown(step, model("SWITCHED"), roles=(), step=name)

    assert "<form" not in text
    assert "role operator" in text
