"""The page of an erasure's certificate."""

import pytest

from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.erasure import Erasure, Status, certificate
from sfn_cqrs.kernel.keys import ErasureKey
from sfn_cqrs_tools.console.rendering import environment

ASKED = Audit("2026-11-25T08:00:00.000Z", "op1")


def page_of(**more):
    found = certificate(
        Erasure(key=ErasureKey.of("tenant1", "person-4711"), reason="<b>", created=ASKED, **more)
    )
    templates = environment()
    ui = templates.get_template("macros.html").make_module({})
    page = templates.get_template("erasure.html")
    erased = {place: count for place, count in found["erased"].items() if count}
    values = {"erasure": found, "erased": erased, "ui": ui, "root": "/console"}
    return found["id"], "".join(page.blocks["content"](page.new_context(values)))


def test_a_certificate_says_what_was_erased_what_is_left_and_what_is_not_covered():
    counts = {"commands": 12, "tasks": 0}
    _, text = page_of(
        status=Status.RUNNING, began_at=ASKED.at, counts=counts, left=("tasks: t-1 is open",)
    )

    assert '<td>commands</td><td class="number">12</td>' in text
    assert "<td>tasks</td>" not in text
    assert "tasks: t-1 is open" in text
    assert "point-in-time recovery of the tables" in text
    assert "for ever" in text
    assert "&lt;b&gt;" in text


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"status": Status.ASKED}, "sfn-cqrs erasure confirm {id}"),
        ({"status": Status.REFUSED, "kept_until": "2036-11-25T08:00:00.000Z"}, "It is refused."),
    ],
)
def test_it_says_what_an_erasure_waits_for_or_why_it_was_refused(more, told):
    id_, text = page_of(**more)

    assert told.format(id=id_) in text
    assert "Not covered" not in text
