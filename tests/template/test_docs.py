import re
from pathlib import Path

import pytest
from tests.support.api import api_routes
from tests.template.stack import ROOT, TEMPLATE, of_type

RUNBOOKS = sorted((ROOT / "docs/runbooks").glob("*.md"))
PARAMETERS = (ROOT / "docs/parameters.md").read_text(encoding="utf-8")
SHORT = [
    ROOT / name
    for name in ("README.md", "CONTRIBUTING.md", "AGENTS.md", "docs/llms.txt", "engine/README.md")
]
PAGES = [
    *SHORT,
    *(page for name in ("docs", "engine/docs") for page in sorted((ROOT / name).rglob("*.md"))),
]
README_LINES = 130
NUMBERS = {4: "four", 6: "six", 7: "seven", 8: "eight"}
NIGHT = 10
"""Points that a person reads at night, at most."""
WORDS = 2_500
"""Of a page that is read, at most."""
REFERENCE = {"cli.md", "python.md", "http.md", "errors.md", "benchmarks.md", "features.md"}
"""Pages where one looks something up."""
ALARMS = of_type("AWS::CloudWatch::Alarm")


def section(title: str, page: str) -> str:
    """The text below a heading of a page, up to the next one."""
    found = re.search(rf"^#+ {re.escape(title)}$(.*?)(?=^#|\Z)", page, re.M | re.S)
    return found[1] if found else ""


def text_of(page: Path) -> str:
    """Return the text of a page."""
    return page.read_text(encoding="utf-8")


def titles(page: str) -> list[str]:
    """Return the headings of a page that name alarms in the line below."""
    return re.findall(r"^## (.+)\n\n\*[A-Z]\w+(?:, \w+)*\*$", page, re.M)


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_names_the_section_that_says_what_to_do(name: str) -> None:
    described = re.fullmatch(r".+ See (docs/\S+\.md), (.+)\.", ALARMS[name]["AlarmDescription"])

    assert described is not None
    page = (ROOT / described[1]).read_text(encoding="utf-8")
    assert name.removesuffix("Alarm") in section(described[2], page)


def test_the_first_page_of_the_runbooks_lists_every_alarm_with_its_section() -> None:
    listed = re.findall(
        r"^\| \[(.+)\]\((\w+\.md)#\S+\) \| (.+) \|$",
        text_of(RUNBOOKS[0].parent / "README.md"),
        re.M,
    )
    told = [
        (title, page.name, names)
        for page in RUNBOOKS
        for title, names in re.findall(
            r"^## (.+)\n\n\*([A-Z]\w+(?:, \w+)*)\*$", text_of(page), re.M
        )
    ]

    assert sorted(listed) == sorted(told)
    assert len(told) > 20


@pytest.mark.parametrize(
    ("title", "page"), [(title, page) for page in RUNBOOKS for title in titles(text_of(page))]
)
def test_an_alarm_is_handled_within_ten_points(title: str, page: Path) -> None:
    points = re.findall(r"^- \*\*(.+?)\*\*", section(title, text_of(page)), re.M)

    assert points[0] == "Symptom"
    assert 3 <= len(points) <= NIGHT


@pytest.mark.parametrize("name", TEMPLATE.document["Parameters"])
def test_a_parameter_is_explained(name: str) -> None:
    names = [
        word.strip()
        for row in section("Parameters", PARAMETERS).splitlines()
        if row.startswith("|")
        for word in row.split("|")[1].split(",")
    ]

    assert name in names


@pytest.mark.parametrize(
    "queue", [name for name in of_type("AWS::SQS::Queue") if name.endswith("DeadLetterQueue")]
)
def test_dead_letters_have_a_cure(queue: str) -> None:
    assert f"\n| {queue} |" in section("Each queue", text_of(ROOT / "docs/runbooks/messages.md"))


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


def test_every_page_of_decisions_is_in_the_list_of_topics_with_their_number() -> None:
    folder = ROOT / "docs/decisions"
    listed = dict(
        re.findall(r"^\| \[.+\]\((\S+)\) \| (\d+) \|$", text_of(folder / "README.md"), re.M)
    )
    told = {
        page.name: str(len(re.findall(r"^## 2\d", text_of(page), re.M)))
        for page in folder.glob("*.md")
        if page.name != "README.md"
    }

    assert listed == told


def test_decisions_of_a_topic_are_in_the_order_of_their_days() -> None:
    for page in (ROOT / "docs/decisions").glob("*.md"):
        days = re.findall(r"^## (2\d\d\d-\d\d-\d\d) \S", text_of(page), re.M)
        assert days == sorted(days), page


def test_every_route_is_in_the_list_of_routes() -> None:
    page = (ROOT / "docs/http-api.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(GET|POST|DELETE) ([^`?]+)", page, re.M))
    routes = {(route.method, route.path) for route in api_routes() if route.path != "$default"}

    assert listed == {(method, path) for method, path in routes if method != "OPTIONS"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_can_be_read_in_ten_minutes(page: Path) -> None:
    words = len(text_of(page).split())

    assert words <= WORDS or page.name in REFERENCE or page.parent.name == "decisions"


def test_the_readme_stays_short() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()

    assert len(lines) <= README_LINES


def test_the_readme_says_of_the_engine_what_its_page_says() -> None:
    page = (ROOT / "engine/CONFORMANCE.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (ours, of), *others = re.findall(r"\*\*(\d+)/(\d+)\*\*", page.split("| **all** |")[1])

    assert ours == of
    assert f"passes all {int(ours):,} cases of" in readme
    assert f"has {NUMBERS[len(others)]} other emulators" in readme


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
