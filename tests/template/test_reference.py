"""docs/reference says what the code says."""

import re

import pytest

from sfn_cqrs_tools.cli.reference.pages import FOLDER, pages

MADE = pages()


@pytest.mark.parametrize("name", MADE)
def test_a_page_says_what_the_code_says(name):
    assert (FOLDER / name).read_text("utf-8") == MADE[name], "run `make reference`"


def test_every_name_of_the_page_has_a_docstring():
    page = re.sub(r"^```.*?^```$", "", MADE["python.md"], flags=re.M | re.S)
    entries = [one.partition("\n") for one in re.split(r"^#{2,5} ", page, flags=re.M)[1:]]

    assert [name for name, _, text in entries if not text.strip()] == []
