"""The docs as a site: each page has its place, and links lead from place to place."""

import json
import re
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from tests.support.scripts import script
from tests.template.stack import ROOT

NOT_IN_THE_NAVIGATION = {"examples/shop/README.md"}
"""Pages that others link, and that nobody looks for."""


class Loader(yaml.SafeLoader):
    """Reads YAML with names of Python in it."""


Loader.add_multi_constructor("tag:yaml.org,2002:python/name:", lambda *_: None)


@pytest.fixture
def site() -> ModuleType:
    return script(ROOT / "docs/site/build.py")


def leaves(part: object) -> list[str]:
    """Return the pages of a navigation, in their order."""
    if isinstance(part, str):
        return [part]
    inside = part if isinstance(part, list) else list(part.values())  # type: ignore[attr-defined]
    return [page for one in inside for page in leaves(one)]


def test_every_page_has_one_place_in_the_navigation(site: ModuleType) -> None:
    text = (ROOT / "docs/site/mkdocs.yml").read_text(encoding="utf-8")
    listed = leaves(yaml.load(text, Loader)["nav"])

    assert len(listed) == len(set(listed))
    there = {site.place(page).as_posix() for page in site.pages()}
    assert set(listed) == there - NOT_IN_THE_NAVIGATION


@pytest.mark.parametrize(
    ("page", "text", "on_site"),
    [
        ("README.md", "[a](docs/imports.md#a-table)", "[a](imports.md#a-table)"),
        ("docs/imports.md", "[a](../README.md)", "[a](index.md)"),
        ("docs/reference/cli.md", "[a](../imports.md)", "[a](../imports.md)"),
        ("docs/engine.md", "[a](../engine/README.md#x)", "[a](engine/README.md#x)"),
        ("docs/imports.md", "[a](#a-table)", "[a](#a-table)"),
        ("docs/imports.md", "[a](https://a.example/b)", "[a](https://a.example/b)"),
        ("README.md", '<img src="docs/console/a.png">', '<img src="console/a.png">'),
        ("docs/imports.md", "```\n[a](../README.md)\n```", "```\n[a](../README.md)\n```"),
        ("docs/projects.md", "[a](../examples/shop)", "[a](examples/shop/README.md)"),
    ],
)
def test_a_link_leads_to_the_same_page_on_the_site(
    site: ModuleType, page: str, text: str, on_site: str
) -> None:
    assert site.linked(Path(page), text, set(site.pages())) == (on_site, set())


def test_a_linked_file_of_code_becomes_a_page(site: ModuleType) -> None:
    text, code = site.linked(Path("docs/a.md"), "[a](../app/shop/orders.py)", set(site.pages()))

    assert text == "[a](source/app/shop/orders.py.md)"
    assert code == {Path("app/shop/orders.py")}


def test_the_root_leads_to_the_newest_release(site: ModuleType, tmp_path: Path) -> None:
    for version in ("dev", "1.9.0", "1.10.0", "1.9.0"):
        site.listed(tmp_path, version)

    versions = json.loads((tmp_path / "versions.json").read_text(encoding="utf-8"))
    assert [one["version"] for one in versions] == ["1.10.0", "1.9.0", "dev"]
    assert 'url=1.10.0/index.html"' in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_the_python_page_lists_what_the_reference_lists(site: ModuleType) -> None:
    page = site.python_page()

    assert "\n## sfn_cqrs.read_models\n" in page
    assert re.search(r"\n::: sfn_cqrs\.[a-z_.]+\.sync_handler\n", page)


def test_the_first_use_of_a_word_leads_to_the_glossary(site: ModuleType) -> None:
    known = {"chain": ("t-chain", "all `versions`"), "own": ("t-own", "x")}
    text = "# The chain\n\n| chain | x |\n\n`chain` and [chain](a.md); the chain, its own chain.\n"

    found = site.explained(Path("docs/runbooks/api.md"), text, known)

    assert found == text.replace(
        "; the chain,", '; the [chain](../glossary.md#t-chain "all versions"){ .term },'
    )
    assert site.explained(Path("docs/decisions/tests.md"), text, known) == text


def test_every_word_of_the_glossary_has_an_anchor(site: ModuleType) -> None:
    glossary = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    known = site.terms(glossary)
    anchored = site.anchored(glossary)

    assert {"process item", "command", "version", "lease", "tombstone"} <= known.keys()
    assert known["command"] == known["version"]
    assert [a for a, _ in known.values() if f"{{ #{a} .word }}" not in anchored] == []
