"""Every page and form of the console with another tenant's code or id: refused or empty."""

import json
import re
from http.client import HTTPConnection
from urllib.parse import quote, urlencode, urlsplit

import pytest
from tests.support.orders import NOWHERE, an_order
from tools.tests.console.state import api_of, create, publish, wait

from sfn_cqrs_tools.client.aws import find_target
from sfn_cqrs_tools.client.upload import upload
from sfn_cqrs_tools.console.backend import ROOT, local
from sfn_cqrs_tools.console.pages import FILES, FORMS, PAGES
from sfn_cqrs_tools.console.server import ConsoleServer
from sfn_cqrs_tools.console.who import Who

SECRET = "TENANT6-SECRET"
OTHERS = "#tenant5#"
"""A customer of tenant6's, whose name is another tenant's: it stands in the read model's key."""
ROWS = f"/read-models/orders_by_customer/{quote(OTHERS)}"
REBUILT = "/rebuilds/orders_by_customer"
FILE = f"icao,name,country,lat,lon,tz\nNRT,{SECRET},JP,999,1,x\n"


@pytest.fixture(scope="module")
def theirs(stack, tmp_path_factory):
    """What tenant6 has, by kind; and an item of tenant5's that is called like one of theirs."""
    api = api_of(stack, tenant="tenant6")
    publish(api, "o-1", SECRET, {"customer": OTHERS, "note": SECRET})
    publish(api, "o-2", SECRET, {**NOWHERE, "note": SECRET})
    publish(api, "both", SECRET, {"customer": OTHERS, "note": SECRET})
    publish(api_of(stack, tenant="tenant5"), "both", "ours", {"customer": "ours"})
    reminder = {"taskType": "ORDER_REMINDER", "input": [{"order": SECRET, "to": "x"}]}
    saga = {"saga": "order-saga", "input": an_order(order=SECRET), "name": SECRET}
    wait(api, "/commands/ORDER/o-1/1", "outcome", ("APPLIED",))
    wait(api, "/commands/ORDER/o-2/1", "outcome", ("FAILED",))
    release = {"type": "ORDER_RELEASE", "subject": "o-1", "note": SECRET}
    path = tmp_path_factory.mktemp("files") / "airports.csv"
    path.write_text(FILE)
    key = upload(api, path, "airports", lambda _sent, **_more: None)
    file = {"key": key, "tableName": "airports", "processingMode": "STEP_FUNCTION"}
    made = {
        "tasks": create(api, "/tasks", {**reminder, "name": SECRET}),
        "sagas": create(api, "/sagas", saga),
        "approvals": create(api, "/approvals", release),
        "imports": create(api, "/imports", file),
        "repairs": create(api, "/repairs", {"kind": "command", "action": "retry"}),
        "erasures": create(api, "/erasures", {"subject": "person-4711", "reason": SECRET}),
    }
    wait(api, f"/tasks/{made['tasks']}", "status", ("FAILED",))
    wait(api, f"/imports/{made['imports']}", "status", ("COMPLETED", "FAILED"))
    wait(api_of(stack, tenant="tenant5"), "/commands/ORDER/both/1", "outcome", ("APPLIED",))
    api.post(REBUILT)
    wait(api, REBUILT, "stage", ("READY",))
    return made


@pytest.fixture
def console(stack):
    """Return what makes a browser of somebody of a tenant."""
    target = find_target(stack.state.path, None)
    server = ConsoleServer(local(stack.name, stack.http, target, "kenji"))
    yield lambda tenant: Browser(server.origin, Who("kenji", tenant))
    server.close()


class Browser:
    """Opens pages, and sends forms as their pages would."""

    def __init__(self, origin, who):
        self._netloc = urlsplit(origin).netloc
        self._cookie = f"sfn_cqrs_console=a-session; sfn_cqrs_who={who.as_cookie()}"
        self._token = re.search(r'name="csrf" content="(\w+)"', self.open("")[1])[1]

    def open(self, path):
        return self._asked("GET", path, {})

    def send(self, path, form):
        body = urlencode({**form, "csrf": self._token})
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._asked("POST", path, kind, body)

    def _asked(self, method, path, headers, body=""):
        connection = HTTPConnection(self._netloc, timeout=60)
        sent = {**headers, "Cookie": self._cookie}
        connection.request(method, f"{ROOT}{path}", body.encode(), sent)
        response = connection.getresponse()
        found = response.status, response.read().decode()
        connection.close()
        return found


ITEM = "/items/{type}/{code}"
OPEN = ("/approvals?status=ALL", "/imports", "/imports?kind=zip", "/items?type=ORDER", "/sagas")


DEEP = f"/search/deep?q={SECRET[:-1].lower()}"
"""A search through texts; the page repeats what is asked, so it is not the secret itself."""


def pages(theirs):
    """What of tenant6's is opened, by the page as the console has it."""
    by_id = {f"/{kind}/{{id}}": [f"/{kind}/{id_}"] for kind, id_ in theirs.items()}
    return {
        **by_id,
        "/approvals": list(OPEN[:1]),
        "/imports": list(OPEN[1:3]),
        "/imports/{id}/correct": [f"/imports/{theirs['imports']}/correct"],
        "/imports/{id}/errors.csv": [f"/imports/{theirs['imports']}/errors.csv"],
        "/imports/{id}/undo": [f"/imports/{theirs['imports']}/undo"],
        "/items": [OPEN[3], "/items?type=ORDER&code=o-1"],
        ITEM: ["/items/ORDER/o-1", "/items/ORDER/o-1?v=1", "/items/ORDER/both"],
        f"{ITEM}/{{version:int}}/{{verb}}": ["/items/ORDER/o-2/1/skip"],
        f"{ITEM}/{{version:int}}/correct": ["/items/ORDER/o-2/1/correct"],
        "/publish": ["/publish?type=ORDER&code=o-1"],
        "/sagas": [OPEN[4]],
        "/sagas/new": [f"/sagas/new?given={theirs['sagas']}"],
        "/search": [f"/search?q={theirs['tasks']}", "/search?q=o-1", "/search?q=ORDER+o-1"],
        "/search/begins": ["/search/begins?q=o", "/search/begins?q=bot"],
        "/search/deep": [DEEP],
        "/tasks": ["/tasks?taskType=ORDER_REMINDER"],
        "/repairs": ["/repairs"],
        "/usage": ["/usage"],
        "/erasures": ["/erasures"],
        "/read-models/{name}": [f"/read-models/orders_by_customer?partition={quote(OTHERS)}"],
        "/read-models/{name}/{partition}": [ROWS],
        "/read-models/{name}/{partition}/{sort}": [f"{ROWS}/o-1", f"{ROWS}/both"],
        "/rebuilds/{name}": [REBUILT],
        "/rebuilds/{name}/{step}": [f"{REBUILT}/switch"],
    }


def forms(theirs):
    """What tenant5 sends about them, by the form."""
    change = {"type": "ORDER", "code": "o-1", "name": "x", "attributes": "{}", "version": "1"}
    decide = {"verdict": "approve", "decision": "approve", "digest": "x", "reason": ""}
    skip = f"{ITEM}/{{version:int}}/{{verb}}"
    acts = {
        "/approvals/{id}/decide": decide,
        "/approvals/{id}/retry": {},
        "/imports/{id}/cancel": {},
        "/imports/{id}/correct": {"row": "1"},
        "/imports/{id}/retry": {},
        "/imports/{id}/undo": {},
        "/repairs/{id}/after": {},
        "/repairs/{id}/some": {"row": "0"},
        "/repairs/{id}/start": {},
        "/sagas/{id}/retry": {},
        "/tasks/{id}/cancel": {},
        "/tasks/{id}/retry": {},
    }
    named = {
        each: (each.replace("{id}", theirs[each.split("/")[1]]), form)
        for each, form in acts.items()
    }
    return {
        **named,
        skip: ("/items/ORDER/o-2/1/skip", {}),
        f"{ITEM}/{{version:int}}/correct": ("/items/ORDER/o-2/1/correct", change),
        "/publish": ("/publish", change),
        "/rebuilds/{name}/{step}": (f"{REBUILT}/switch", {}),
        "/approvals/new": ("/approvals/new", {"type": "ORDER_RELEASE", "subject": "o-1"}),
    }


OF_ALL_TENANTS = re.compile(r"(/executions|/machines|/queues)(/|$)|^$")
"""What an operator sees of the stack itself: whoever may ask AWS may see every tenant's."""
NAMES_NOTHING = {"/approvals/new", "/imports/new", "/tasks/new", "/read-models", "/moment"}
"""They show an empty form, or what is declared: the matrix of routes has what they send."""


def state_of(stack, theirs):
    api = api_of(stack, tenant="tenant6")
    shown = [api.get(f"/{kind}/{id_}") for kind, id_ in theirs.items() if kind != "sagas"]
    places = ("/commands/ORDER/o-2/1", "/data/ORDER/o-1", REBUILT)
    return json.dumps([shown, *map(api.get, places)])


@pytest.mark.stack
@pytest.mark.real_time("the task and the import that it looks at have ended")
def test_no_page_and_no_form_answers_for_another_tenant(stack, console, theirs):
    ours, before = console("tenant5"), state_of(stack, theirs)

    shown = [(path, *ours.open(path)) for paths in pages(theirs).values() for path in paths]
    taken = [(path, *ours.send(path, form)) for path, form in forms(theirs).values()]

    assert [(path, status) for path, status, text in (*shown, *taken) if SECRET in text] == []
    assert [(path, status) for path, status, _ in taken if not 400 <= status < 500] == []
    assert [path for path, status, _ in shown if status >= 500] == []
    assert state_of(stack, theirs) == before


@pytest.mark.stack
@pytest.mark.real_time("the rebuild that it looks at has ended")
@pytest.mark.usefixtures("theirs")
def test_a_rebuild_of_another_tenant_is_not_seen(console):
    seen = {tenant: console(tenant).open(REBUILT)[1] for tenant in ("tenant5", "tenant6")}

    assert {tenant: "READY" in text for tenant, text in seen.items()} == {
        "tenant5": False,
        "tenant6": True,
    }


@pytest.mark.stack
def test_the_same_pages_show_it_to_whose_it_is(console, theirs):
    own = console("tenant6")

    shown = {
        path for paths in pages(theirs).values() for path in paths if SECRET in own.open(path)[1]
    }

    named = {f"/{kind}/{id_}" for kind, id_ in theirs.items() if kind != "repairs"}
    assert shown > {"/items/ORDER/o-1", "/items/ORDER/both", OPEN[3], DEEP, *named}


def test_every_page_and_form_is_among_them():
    some = dict.fromkeys(("tasks", "sagas", "approvals", "imports", "repairs", "erasures"), "x")
    of_a_tenant = [{each for each in PAGES if not OF_ALL_TENANTS.match(each)}, set(FORMS)]

    assert of_a_tenant[0] - set(pages(some)) == NAMES_NOTHING
    left = {each for each in FORMS if not OF_ALL_TENANTS.match(each)} - set(forms(some))
    assert left == {"/sagas/new", "/tasks/new", "/repairs"}
    assert set(FILES) == {"/imports/preview", "/imports/take"}  # they name nothing
