"""The text of template.yaml, for people: an index that is true, and a size that can be read."""

import re

from tests.template.stack import ROOT

TEXT = (ROOT / "template.yaml").read_text(encoding="utf-8")
SECTION = re.compile(r"^(?:  )?# -{3,} (.+)$", re.M)
OF_A_MACHINE = re.compile(r"^[\w-]+: statemachine/[\w-]+\.asl\.json")
MOST_LINES = 4_000
OURS, MOST_OF_ANOTHER = 7, 150
"""Machines of the framework, and the lines of one that somebody adds."""
MACHINES = "NAME: statemachine/NAME.asl.json"


def test_the_index_has_every_section_in_its_order() -> None:
    head, _, _ = TEXT.partition("\nAWSTemplateFormatVersion")
    told = re.findall(r"^#   (.+)$", head, re.M)
    sections = SECTION.findall(TEXT)
    plain = [name for name in sections if not OF_A_MACHINE.match(name)]
    machines = [name for name in sections if OF_A_MACHINE.match(name)]
    begin = sections.index(machines[0])

    assert sections[begin : begin + len(machines)] == machines
    assert told[begin].startswith(MACHINES)
    assert [*told[:begin], *told[begin + 1 :]] == plain


def test_the_template_can_be_read() -> None:
    others = len(list((ROOT / "statemachine").glob("*.asl.json"))) - OURS

    assert others >= 0
    assert len(TEXT.splitlines()) <= MOST_LINES + others * MOST_OF_ANOTHER


def test_a_right_an_output_and_a_route_have_a_line_each() -> None:
    """Where a line has room for them."""
    outputs = TEXT.partition("\nOutputs:\n")[2]

    assert not re.search(r"^ +- Effect: \w+\n +Action: \S+\n +Resource: \S+\n(?! )", TEXT, re.M)
    assert not re.search(r"^  \w+:\n    Value: \S+ ?\S*\n(?=  \w)", outputs, re.M)
    assert not re.search(r"^ +Type: HttpApi\n", TEXT, re.M)
