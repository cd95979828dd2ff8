"""A type with a model is published by a form with an input for each of its fields."""

import re

import pytest
from playwright.sync_api import expect
from tests.support.typed import declare_visits, declaring
from tests.unit.types.test_rows import STORED, Slot
from tools.tests.console.browser import A_MINUTE, visit
from tools.tests.console.state import api_of, publish, wait

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.machines.command.handlers import command_type
from sfn_cqrs.machines.command.read_models import read_model_type

pytestmark = pytest.mark.stack
FORM = "/publish?type=VISIT&code="


@pytest.fixture(autouse=True)
def _visits():
    with declaring():
        declare_visits()
        command_type("LETTER", publish=MEMBERS)
        yield


def send(page):
    page.get_by_role("button", name="Publish", exact=True).click()


def test_a_new_item_is_published_field_by_field(page, console, stack):
    visit(page, console, f"{FORM}v-1")
    page.locator("[name=name]").fill("First")
    page.get_by_label("patient").fill("ada")
    page.get_by_label("starts_at").fill("2026-12-01T08:30")
    page.get_by_label("minutes").fill("45")
    page.get_by_label("status").select_option("done")
    page.get_by_role("button", name="Add to guests").click()
    page.get_by_role("button", name="Add to guests").click()
    page.locator("[name='attributes.guests.1001.name']").fill("bob")
    send(page)

    expect(page).to_have_url(f"{console.url}/items/VISIT/v-1?v=1", timeout=A_MINUTE)
    found = wait(api_of(stack), "/commands/VISIT/v-1/1", "outcome", ("APPLIED",))
    assert found["attributes"] == {
        "patient": "ada",
        "starts_at": "2026-12-01T08:30:00Z",
        "minutes": 45,
        "status": "done",
        "guests": [{"name": "bob"}],
    }


def test_each_wrong_field_says_so_and_nothing_is_lost(page, console):
    visit(page, console, f"{FORM}v-2")
    page.locator("form.sheet").evaluate("form => { form.noValidate = true; }")
    page.get_by_label("patient").fill("ada")
    page.get_by_label("starts_at").fill("2026-12-01T08:30")
    page.get_by_label("minutes").fill("3")
    page.get_by_role("button", name="Add to guests").click()
    page.get_by_label("email").fill("bob@example.com")
    send(page)

    expect(page.locator("main .notice code")).to_have_text("invalid_input")
    minutes = page.get_by_label("minutes")
    expect(minutes).to_have_attribute("aria-invalid", "true")
    expect(minutes).to_have_value("3")
    expect(page.locator("[id='wrong-attributes.minutes']")).to_contain_text("from 5 to 240")
    expect(page.locator("[id='wrong-attributes.guests.0.name']")).not_to_be_empty()
    expect(page.get_by_label("email")).to_have_value("bob@example.com")


def test_an_item_is_changed_from_what_it_has_and_json_is_a_way_out(page, console, stack):
    api = api_of(stack)
    attributes = {"patient": "ada", "starts_at": "2026-12-01T09:30:00+01:00", "minutes": 30}
    publish(api, "v-3", "Third", attributes, type_="VISIT")
    wait(api, "/commands/VISIT/v-3/1", "outcome", ("APPLIED",))
    visit(page, console, f"{FORM}v-3")
    expect(page.get_by_label("starts_at")).to_have_value("2026-12-01T08:30")
    page.get_by_label("minutes").fill("60")
    send(page)
    expect(page).to_have_url(f"{console.url}/items/VISIT/v-3?v=2", timeout=A_MINUTE)
    found = wait(api, "/commands/VISIT/v-3/2", "outcome", ("APPLIED",))
    assert found["attributes"] == {**attributes, "minutes": 60}

    visit(page, console, f"{FORM}v-3")
    page.get_by_role("link", name="Write JSON instead").click()
    expect(page.get_by_label("Attributes")).to_have_value(re.compile('"minutes": 60'))


def test_the_form_follows_the_type(page, console):
    visit(page, console, "/publish?type=LETTER")
    expect(page.get_by_label("Attributes")).to_be_visible()
    page.get_by_label("Code").fill("v-4")
    page.get_by_label("Type").select_option("VISIT")

    expect(page.get_by_label("minutes")).to_be_visible()
    expect(page.get_by_label("Code")).to_have_value("v-4")
    page.get_by_label("Type").select_option("LETTER")
    expect(page.get_by_label("Attributes")).to_be_visible()


def test_a_read_model_with_a_class_has_its_columns(page, console):
    read_model_type("slots", by="doctor", read=MEMBERS, row=Slot)
    bootstrap.read_model("slots").put_if_newer("tenant1", "dr-who", "a-1", STORED)
    visit(page, console, "/read-models/slots/dr-who")

    heads = page.locator("thead th").all_inner_texts()
    assert [one.strip() for one in heads][:4] == ["Key", "patient", "starts_at", "minutes"]
