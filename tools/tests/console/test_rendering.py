"""Values as text, whatever is in them."""

import json

import pytest

from sfn_cqrs_tools.console.paths import LONGEST, MOST, changes
from sfn_cqrs_tools.console.rendering import (
    LONGEST_TEXT,
    duration,
    environment,
    json_block,
    moment,
    reason,
    visible,
)
from sfn_cqrs_tools.project import CHECKOUT


def shown(text):
    return environment().from_string("{{ text }}").render(text=text)


def test_markup_is_text():
    assert shown("<b>\"&'") == "&lt;b&gt;&#34;&amp;&#39;"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("a\x00b", "a⟨U+0000⟩b"),
        ("a\ud800b", "a⟨U+D800⟩b"),
        ("日本語 🚀 ß\tx\n", "日本語 🚀 ß\tx\n"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text, seen):
    assert visible(text) == seen


def test_json_keeps_its_text_and_escapes_it():
    assert str(json_block('{"a<": [1, true, "<i>"]}')) == (
        '{\n  <span class="j-key">&#34;a&lt;&#34;</span>: [\n    <span class="j-number">1</span>,'
        '\n    <span class="j-word">true</span>,\n    <span class="j-text">&#34;&lt;i&gt;&#34;'
        "</span>\n  ]\n}"
    )


def test_five_megabytes_are_cut():
    block = json_block({"x": "y" * 5_000_000})

    assert len(block) < LONGEST_TEXT + 1000
    assert "characters more" in block


def test_no_json_is_shown_as_it_is():
    assert str(json_block("no <json>")) == "no &lt;json&gt;"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (-1, "–"),
        (0.0123, "12 ms"),
        (4.44, "4.4 s"),
        (90, "1.5 min"),
        (604800, "7.0 d"),
    ],
)
def test_a_length_of_time_has_the_unit_that_fits(seconds, text):
    assert duration(seconds) == text


def test_a_moment_is_utc_until_the_browser_knows_better():
    assert moment("2026-11-26T22:00:26.123Z") == (
        '<time datetime="2026-11-26T22:00:26.123Z" data-shape="">2026-11-26 22:00:26 UTC</time>'
    )
    assert moment("never") == '<span class="muted">–</span>'


def test_the_cause_of_a_function_is_its_message_and_its_trace():
    cause = '{"errorMessage": "it broke", "errorType": "E", "stackTrace": ["  File a\\n", "  b"]}'

    assert reason(cause) == ("it broke", "  File a\n  b")
    assert reason("plain words") == ("plain words", "")
    assert reason("[1]") == ("[1]", "")
    assert reason(None) == ("", "")


def test_a_cause_names_files_of_the_project_without_its_folder():
    path = CHECKOUT / "app/shop/orders.py"
    told, _ = reason(f"KeyError: 'customer'\n  File \"{path}\", line 22, in orders")

    assert told == "KeyError: 'customer'\n  File \"app/shop/orders.py\", line 22, in orders"


def test_two_json_texts_are_compared_value_by_value_with_their_paths():
    before = '{"a": 1, "b": {"x y": [1, 2]}, "c": [], "gone": "t"}'
    after = '{"a": 1, "b": {"x y": [1, 3, {"z": null}]}, "c": {}}'

    found = {one.name: (one.kind, one.before, one.after) for one in changes(before, after)}

    assert found == {
        "$.a": ("same", 1, 1),
        '$.b["x y"][0]': ("same", 1, 1),
        '$.b["x y"][1]': ("changed", 2, 3),
        '$.b["x y"][2].z': ("added", None, None),
        "$.c": ("changed", [], {}),
        "$.gone": ("removed", "t", None),
    }


def test_texts_that_are_long_or_no_json_are_compared_as_far_as_is_shown():
    many = json.dumps(list(range(MOST + 5)))

    assert len(changes(many, many)) == MOST
    assert changes(None, "{}") == []
    assert [one.kind for one in changes("no json", '"no json"')] == ["same"]
    assert changes('""', json.dumps("x" * 900))[0].after == "x" * LONGEST + "…"
