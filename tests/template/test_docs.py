import re
from pathlib import Path

import pytest
from tests.support.api import api_routes
from tests.template.stack import ROOT, TEMPLATE, of_type

OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
SHORT = [
    ROOT / name
    for name in ("README.md", "CONTRIBUTING.md", "AGENTS.md", "docs/llms.txt", "engine/README.md")
]
PAGES = [*SHORT, *sorted((ROOT / "docs").rglob("*.md"))]
README_LINES = 130
NUMBERS = {6: "six", 7: "seven", 8: "eight"}
NIGHT = 10
"""Points that a person reads at night, at most."""
CANARY = "A deploy rolls back"
"""It explains a deploy by day, and is no page for the night."""
ALARMS = of_type("AWS::CloudWatch::Alarm")


def section(title: str) -> str:
    """The text below a heading, up to the next one."""
    found = re.search(rf"^#+ {re.escape(title)}$(.*?)(?=^#|\Z)", OPERATIONS, re.M | re.S)
    return found[1] if found else ""


def titles(page: str) -> list[str]:
    """Return the headings of a page that name alarms in the line below."""
    return re.findall(r"^### (.+)\n\n\*[A-Z]\w+(?:, \w+)*\*$", page, re.M)


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_names_the_section_that_says_what_to_do(name: str) -> None:
    described = re.fullmatch(r".+ See docs/operations.md, (.+)\.", ALARMS[name]["AlarmDescription"])

    assert described is not None
    assert name.removesuffix("Alarm") in section(described[1])


@pytest.mark.parametrize("title", [title for title in titles(OPERATIONS) if title != CANARY])
def test_an_alarm_is_handled_within_ten_points(title: str) -> None:
    points = re.findall(r"^- \*\*(.+?)\*\*", section(title), re.M)

    assert points[0] == "Symptom"
    assert 3 <= len(points) <= NIGHT


@pytest.mark.parametrize("name", TEMPLATE.document["Parameters"])
def test_a_parameter_is_explained(name: str) -> None:
    names = [
        word.strip()
        for row in section("Parameters").splitlines()
        if row.startswith("|")
        for word in row.split("|")[1].split(",")
    ]

    assert name in names


@pytest.mark.parametrize(
    "queue", [name for name in of_type("AWS::SQS::Queue") if name.endswith("DeadLetterQueue")]
)
def test_dead_letters_have_a_cure(queue: str) -> None:
    assert f"\n| {queue} |" in section("Each queue")


def anchors(path: Path) -> set[str]:
    """What a link may name in a page: its headings, as GitHub spells them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.M)
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {word.replace(" ", "-") for word in words}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_between_the_pages_leads_somewhere(page: Path) -> None:
    links = re.findall(
        r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text(encoding="utf-8")
    )
    targets = [((page.parent / path).resolve() if path else page, anchor) for path, anchor in links]

    assert [path for path, _ in targets if not path.exists()] == []
    assert [
        (path.name, anchor) for path, anchor in targets if anchor and anchor not in anchors(path)
    ] == []


def test_every_decision_is_in_the_index_by_topic() -> None:
    """A new decision needs a link below "By topic", and an empty line before its heading."""
    page = (ROOT / "docs/decisions.md").read_text(encoding="utf-8")
    index, _, _ = page.partition("\n## 2")
    listed = re.findall(r"\[([^\]]+)\]\(#2", index)
    headings = re.findall(r"\n\n## 2\S+ (.+)", page)

    assert sorted(listed) == sorted(headings)


def test_every_route_is_in_the_list_of_routes() -> None:
    page = (ROOT / "docs/http-api.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(GET|POST|DELETE) ([^`?]+)", page, re.M))
    routes = {(route.method, route.path) for route in api_routes() if route.path != "$default"}

    assert listed == {(method, path) for method, path in routes if method != "OPTIONS"}


def test_the_readme_stays_short() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()

    assert len(lines) <= README_LINES


def test_the_readmes_table_has_each_machine_with_its_functions_room_and_tests() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("|") and ".asl.json" in line]
    listed = re.findall(r"\(statemachine/([a-z-]+)\.asl\.json\)", "\n".join(rows))

    assert sorted(listed) == sorted(
        path.name.removesuffix(".asl.json") for path in (ROOT / "statemachine").glob("*.asl.json")
    )
    for row in rows:
        room = listed[0] if "command-express" in row else re.findall(r"([a-z-]+)\.asl", row)[0]
        name = room.removesuffix("-express").replace("-", "_")
        for place in (f"functions/{name}", f"layer/sfn_cqrs/machines/{name}", f"tests/unit/{name}"):
            assert f"({place})" in row
    assert f"There are {NUMBERS[len(rows)]}," in page
