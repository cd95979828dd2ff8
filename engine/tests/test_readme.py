"""Every example of the README is run, and prints what the README says."""

import socket
from pathlib import Path

import pytest
from engine.tests.readme import Block, Runner, blocks

ENGINE = Path(__file__).parents[1]
PAGE = "\n".join(
    (ENGINE / name).read_text(encoding="utf-8")
    for name in ("README.md", "docs/on-a-port.md", "docs/features.md", "docs/how-it-is-built.md")
)
"""They are one page for a reader: the later ones use the files of the first."""


def free_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def test_every_example_does_what_the_readme_says(tmp_path: Path) -> None:
    found = list(blocks(PAGE))
    with Runner(tmp_path, replace={"8083": free_port()}) as runner:
        for block in found:
            runner.run(block)

    commands = "".join(block.text for block in found if block.language == "console")
    for name in ("run", "test", "record", "mock new", "graph", "lint", "debug", "serve", "conform"):
        assert f"$ sfn-local {name} " in commands


@pytest.mark.parametrize(
    "page",
    ["quick-starts.md", "from-step-functions-local.md", "from-moto.md", "from-localstack.md"],
)
def test_every_example_of_a_page_does_what_it_says(tmp_path: Path, page: str) -> None:
    text = (Path(__file__).parents[1] / "docs" / page).read_text(encoding="utf-8")
    with Runner(tmp_path) as runner:
        for block in blocks(text):
            runner.run(block)

    assert "\n$ sfn-local " in text


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("$ echo a; echo b\na\nb\n", True),
        ("$ echo a b c\na … c\n", True),
        ("$ echo a\nb\n", False),
        ("$ echo a\n", False),
        ("$ false\n", False),
        ("$ false\n[exit 1]\n", True),
        ("$ true\n[exit 1]\n", False),
        ("$ false\n[exit 1]\n$ echo a\nb\n", False),
    ],
)
def test_an_example_that_is_wrong_is_found(tmp_path: Path, text: str, *, is_right: bool) -> None:
    with Runner(tmp_path) as runner:
        if is_right:
            runner.run(Block("console", text, 1))
        else:
            with pytest.raises(AssertionError, match="line 1"):
                runner.run(Block("console", text, 1))


def test_python_that_fails_is_found(tmp_path: Path) -> None:
    with Runner(tmp_path) as runner, pytest.raises(AssertionError, match="ZeroDivisionError"):
        runner.run(Block("python", "1 / 0", 1))
