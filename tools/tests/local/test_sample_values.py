"""A project says in events/samples.json what its samples are about."""

import json
from pathlib import Path

from tests.template.stack import EXAMPLE

from sfn_cqrs_tools.stack.samples import FILE, SampleItem, Samples, samples_of


def test_without_the_file_the_names_are_made_up(tmp_path: Path) -> None:
    assert samples_of(tmp_path) == Samples()
    assert samples_of(tmp_path).item.type == "OFFER"


def test_what_a_file_leaves_out_is_made_up(tmp_path: Path) -> None:
    item = {"type": "TRIP", "name": "Rome", "attributes": {"days": 3}}
    (tmp_path / FILE).parent.mkdir()
    (tmp_path / FILE).write_text(json.dumps({"item": item}))

    assert samples_of(tmp_path) == Samples(item=SampleItem("TRIP", "Rome", {"days": 3}))


def test_the_example_names_its_saga_and_what_its_steps_need() -> None:
    saga = samples_of(EXAMPLE).saga

    assert saga is not None
    assert (EXAMPLE / f"statemachine/{saga.machine}.asl.json").is_file()
    assert [(one.type, one.code) for one in saga.items] == [("STOCK", "BOOK")]
