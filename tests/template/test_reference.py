"""docs/reference says what the code says, and all that a package of a user's own imports."""

import ast
import re

import pytest
from tests.template.stack import ROOT, modules

from sfn_cqrs_tools.cli.reference.pages import FOLDER, pages
from sfn_cqrs_tools.cli.reference.python import API

MADE = pages()
KNOWN = {module: set(names.split()) for part in API.values() for module, names in part.items()}
OURS = "conventions.md"
"""It shows the framework's own code."""
PAGES = [
    ROOT / "README.md",
    *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name != OURS),
]


def imported():
    """Whatever the worked example and the pages import of ours: module, name, where."""
    for path, tree in modules("app", "examples/shop/app"):
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sfn_cqrs"):
                yield from ((node.module, one.name, path.name) for one in node.names)
    for page in PAGES:
        for line in re.findall(r"^from sfn_cqrs.* import .+$", page.read_text("utf-8"), re.M):
            (node,) = ast.parse(line).body
            yield from ((node.module, one.name, page.name) for one in node.names)


def is_told(module, name):
    """Whether it is on the page; a value, such as MEMBERS, needs no signature."""
    folder = "tools" if module.startswith("sfn_cqrs_tools.") else "layer"
    path = ROOT / folder / module.replace(".", "/")
    if path.is_dir():
        return f"{module}.{name}" in KNOWN
    defined = ast.parse(path.with_suffix(".py").read_text("utf-8")).body
    kinds = (ast.FunctionDef, ast.ClassDef)
    is_value = not any(isinstance(one, kinds) and one.name == name for one in defined)
    return is_value or name in KNOWN.get(module, ())


@pytest.mark.parametrize("name", MADE)
def test_a_page_says_what_the_code_says(name):
    assert (FOLDER / name).read_text("utf-8") == MADE[name], "run `make reference`"


def test_what_a_package_of_ones_own_imports_is_on_the_page():
    untold = {each for each in imported() if not is_told(*each[:2])}

    assert untold == set()


def test_every_name_of_the_page_has_a_docstring():
    entries = re.split(r"^#{4,5} ", MADE["python.md"], flags=re.M)[1:]

    assert [one.split("\n")[0] for one in entries if not one.rsplit("```", 1)[1].strip()] == []
