"""What a publish pays for erasures: one read, and only where something personal is published."""

from collections import Counter
from contextlib import contextmanager

import pytest
from tests.unit.care.erasure.conftest import TENANT

from sfn_cqrs.kernel.command import Content
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.machines.command.handlers import command_type
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.command.versions import Looked, personal


@pytest.fixture
def calls(world):
    """Count the calls to DynamoDB."""
    made = Counter()

    @contextmanager
    def around(operation):
        made[operation] += 1
        yield

    world.dynamodb.around = around
    return made


def publish(type_, **attributes):
    CommandService(TENANT).publish(type_, "x-1", name="x", attributes=attributes)


def test_a_type_without_a_subject_pays_nothing(calls):
    command_type("NOTE", publish=MEMBERS)
    publish("NOTE", reader="person-1", address="x")

    assert calls == {"Query": 1, "TransactWriteItems": 1}


def test_a_version_about_a_person_pays_one_read(calls):
    publish("LETTER", reader="person-1", address="x")

    assert calls == {"Query": 1, "GetItem": 1, "TransactWriteItems": 1}


def a_letter(code):
    attributes = {"reader": f"person-{code}", "address": "x"}
    return ItemKey(TENANT, "LETTER", code), Content("x", attributes)


def test_a_batch_looks_people_up_together(calls):
    letters = [a_letter(code) for code in ("l-1", "l-2", "l-3")]

    looked = Looked(personal(key, content, None) for key, content in letters)

    for key, content in letters:
        assert looked.without_erased(key, content, None) == content
    assert calls == {"BatchGetItem": 1}
