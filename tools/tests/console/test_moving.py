"""The moving picture of the docs is made of a run of the machine, as it is now."""

import json
import os
import re
from pathlib import Path

from tools.tests.console.moving import history, moving_picture

from sfn_cqrs_tools.project import CHECKOUT

MACHINE = CHECKOUT / "statemachine/command.asl.json"
MOCKS = CHECKOUT / "statemachine/MockConfigFile.json"
PICTURE = CHECKOUT / "docs/console/command.svg"
LARGEST = 500_000


def drawn():
    definition = json.loads(MACHINE.read_text(encoding="utf-8"))
    return moving_picture(definition, history(definition, "WaitsForItsPredecessor", MOCKS))


def test_a_command_goes_through_its_machine_in_the_picture():
    picture = drawn()

    assert len(picture.encode()) <= LARGEST
    moving = set(re.findall(r"@keyframes (\w+)", picture))
    states = dict(re.findall(r'class="node \w+ (\w+)" data-state="(\w+)"', picture))
    went = {state for name, state in states.items() if name in moving}
    assert {"check_version", "wait_prev_command", "finish", "success"} <= went | set(
        states.values()
    )
    (waits,) = re.findall(r'class="node Task (\w+)" data-state="wait_prev_command"', picture)
    looks = re.search(rf"@keyframes {waits} {{(.*)}}", picture)[1]
    assert re.findall(r"--(\w+)-fill", looks) == ["idle", "running", "succeeded", "succeeded"]
    assert "<script" not in picture


def test_the_picture_of_the_docs_is_this_one():
    if "SFN_CQRS_PICTURES" in os.environ:
        Path(os.environ["SFN_CQRS_PICTURES"], PICTURE.name).write_text(drawn(), encoding="utf-8")

    assert PICTURE.read_text(encoding="utf-8") == drawn()
