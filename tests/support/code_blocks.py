"""The blocks of code in README and docs, and what becomes of each.

Pages of which a test works through every block are in `RUN_BY`, those that are made and compared in
`COMPARED_BY`. Of all others, lines are typed into a stack and Python is run there, unless a line
or a block is for people, which `FOR_PEOPLE` gives a reason for.
"""

import re
import shlex
import textwrap
from collections.abc import Iterator
from typing import NamedTuple

from tests.template.stack import ROOT

RUN_BY = {
    "docs/browser.md": "tests/newcomer/test_browser.py",
    "docs/clients.md": "tests/newcomer/test_clients.py",
    "docs/tour.md": "tests/newcomer/test_tour.py",
    "docs/tutorial.md": "tests/newcomer/test_tutorial.py",
    "engine/README.md": "engine/tests/test_readme.py",
    "engine/docs/features.md": "engine/tests/test_readme.py",
    "engine/docs/from-localstack.md": "engine/tests/test_readme.py",
    "engine/docs/from-moto.md": "engine/tests/test_readme.py",
    "engine/docs/how-it-is-built.md": "engine/tests/test_readme.py",
    "engine/docs/on-a-port.md": "engine/tests/test_readme.py",
    "engine/docs/from-step-functions-local.md": "engine/tests/test_readme.py",
    "engine/docs/other-languages.md": "engine/tests/test_other_languages.py",
    "engine/docs/quick-starts.md": "engine/tests/test_readme.py",
}
RECIPES = "docs/postgresql.md"
COMPARED_BY = {
    "docs/reference/cli.md": "tests/template/test_reference.py",
    "docs/reference/python.md": "tests/template/test_reference.py",
}
PAGES = [
    *("README.md", "CONTRIBUTING.md", "AGENTS.md", "engine/README.md"),
    *("engine/CONFORMANCE.md", "engine/conformance/README.md"),
    *(
        page.relative_to(ROOT).as_posix()
        for folder in ("docs", "engine/docs")
        for page in sorted((ROOT / folder).rglob("*.md"))
    ),
]
FOR_PEOPLE = {
    r"\bmake (up|build)\b|sfn-cqrs up\b|sfn-cqrs console$": "runs for ever, or for minutes",
    r"sfn-cqrs mcp\b": "waits for an agent; test_agents.py has one that asks",
    r"\bmake |-m pytest ": "what CI itself runs",
    r"--stack|SFN_CQRS_TOKEN": "needs a stack in AWS",
    r"type check --against": "needs a repository; tools/tests/local/test_type_check.py has one",
    r"^aws |sam deploy": "needs an account in AWS",
    r"import-original": "needs another system's tables; test_original.py makes such rows",
    r"^(sam|sfn-local serve|a debugger)\b": "needs Docker, or another terminal",
    r"^export AWS_PROFILE|^skopeo |^docker ": "needs an account in AWS, a registry or Docker",
    r"--name /clinic/": "needs an account in AWS",
    r"^body=|^signature=|/webhooks/": "a secret of yours; test_new_project.py has such a webhook",
    r"^curl .*(URL|…|/imports )": "takes what the line before has answered",
    r"order-refund$|order-refund  |resume NAME": "yours; the tutorial has one started",
    r"new saga |saga start trip|run trip": "of a project; test_new_project.py has one run",
    r"erasure show ID": "of an erasure of yours; test_erase_cli.py has one shown",
    r"import undo": "may wait for a minute; test_permissions has one run",
    r"saga retry": "of a saga that is parked, and none is",
    r"read-model drop": "refused until a minute has gone by; tests/unit/rebuild has it done",
    r"sfn-cqrs trace ": "needs X-Ray",
    r"order\.asl\.json": "a machine of yours; engine/README.md has one run",
    r"^HTTP/|^{": "what a line answers",
    r"sfn-local conform --endpoint": "needs another server; engine/README.md has one tested",
    r"^\. \.venv/bin/activate$": "engine/tests/test_wheel.py types it, in an empty environment",
    r"pip install|cdk |^python -|sfn-local ": "installs packages, or needs CDK or a server",
    r"^provider|^FROM ": "Terraform's and Docker's own",
    r"^SfnClient |testcontainers|^GenericContainer|^var container": "needs an SDK, or Docker",
    r"AWS_ENDPOINT_URL(_SFN)?=": "engine/tests/test_other_languages.py sets these",
    r"^(%%\{init|flowchart|stateDiagram|sequenceDiagram|graph)": "drawn by hand",
}
"""Lines, and blocks by their first line, that no test runs: the reason of each."""


class Block(NamedTuple):
    """A block: its page, its line there, its language, its text, and the comment before it."""

    page: str
    line: int
    language: str
    text: str
    comment: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


FENCE = re.compile(
    r"^(?:<!-- (?P<comment>.+?) -->\n)?^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)


def blocks() -> Iterator[Block]:
    """All blocks of all pages."""
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        for found in FENCE.finditer(text):
            line = text.count("\n", 0, found.start("language")) + 1
            code, comment = textwrap.dedent(found["text"]), found["comment"] or ""
            yield Block(page, line, found["language"], code, comment)


def typed(block: Block) -> list[str]:
    """The command lines of a block, without comments and prompts."""
    if block.language == "console":
        lines = [line.removeprefix("$ ") for line in block.text.splitlines() if line[:2] == "$ "]
    else:
        whole = re.sub(r"<<'(\w+)'\n.*?^\1\n", "\n", block.text, flags=re.MULTILINE | re.DOTALL)
        lines = whole.replace("\\\n", " ").splitlines()
    return [text for line in lines if (text := plain(line))]


def plain(line: str) -> str:
    """A line without what it says to people."""
    return re.sub(r"(^|\s+)# .*", "", line).strip()


def calls_of(line: str) -> Iterator[list[str]]:
    """Each call of our program in a line, as its arguments."""
    for inner in re.findall(r"\$\(([^()]*)\)", line):
        yield from calls_of(inner)
    outer = re.sub(r"\$\([^()]*\)", "ID", line).replace('"ID"', "ID")
    for part in re.split(r"\s&&\s|\s\|\s|;\s", outer):
        words = shlex.split(part.split(" > ")[0].removesuffix("&"))
        if words and words[0].rpartition("/")[2] == "sfn-cqrs":
            yield words[1:]


def reason(line: str) -> str | None:
    """Why no test types a line, or runs the block that begins with it."""
    return next((why for each, why in FOR_PEOPLE.items() if re.search(each, line)), None)


def fate(block: Block) -> str | None:
    """What becomes of a block; None if nothing does."""
    if block.page in COMPARED_BY or block.comment.startswith(("graph: ", "workflow: ", "code: ")):
        return "compared"
    if block.language in ("json", "yaml") and not block.comment:
        return "parsed"
    if block.language == "sql":
        name = "test_sql_recipes.py" if block.page == RECIPES else "test_sql_role.py"
        return f"run: tests/contract/{name}"
    by_engine = block.page.startswith("engine/")
    if block.page in RUN_BY and (
        not by_engine or block.comment or block.language in ("console", "python", "ini")
    ):
        return f"typed: {RUN_BY[block.page]}"
    if not by_engine and block.language == "python":
        return "run"
    lines = typed(block) if block.language in ("sh", "console", "") else block.text.splitlines()[:1]
    left = [line for line in lines if reason(line) is None]
    if not left:
        return "for people: " + "; ".join(sorted({reason(line) or "" for line in lines}))
    is_ours = not by_engine and block.language in ("sh", "console", "")
    return "run" if is_ours else None
