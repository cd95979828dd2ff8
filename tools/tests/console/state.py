"""A stack's state that shows something on every page of the console: made over HTTP alone."""

import json

from tests.support.orders import NOWHERE
from tests.support.waiting import waited

from sfn_cqrs_tools.client.api import Api
from sfn_cqrs_tools.client.upload import upload

HOSTILE = '<img src=x onerror="alert(1)"> "&amp; \u202eRTL\u202c 日本語 🚀 Größe'
AIRPORTS = """icao,name,country,lat,lon,tz
RJTT,Tokyo Haneda International Airport,JP,35.5523,139.78,Asia/Tokyo
EDDF,Frankfurt am Main Airport,DE,50.0333,8.5705,Europe/Berlin
KJFK,John F Kennedy International Airport,US,40.6398,-73.7789,America/New_York
EGLL,London Heathrow Airport,GB,51.4706,-0.4619,Europe/London
XXXX,<b>Nowhere</b>,AQ,-99,0,Antarctica/McMurdo
YYYY,Lost in time,AQ,-75,0,Mars/Olympus
"""


def api_of(stack, *, user="hanako", tenant="tenant1"):
    """The API of a running stack, asked as somebody."""
    headers = {"content-type": "application/json", "x-user": user, "x-tenant-code": tenant}
    return Api(stack.http, headers | {"x-roles": "operator"}, proxies=False)


def fill(stack, folder):
    """Fill a stack: one thing of each kind in each state that asks for somebody; answers ids."""
    api = api_of(stack)
    publish(api, HOSTILE, HOSTILE, {"customer": HOSTILE, "token": "no-secret", "x": [HOSTILE]})
    for number, (name, customer, total) in enumerate(ORDERS, 1):
        publish(api, f"o-{number}", name, {"customer": customer, "total": total})
    publish(api, "o-1", "Two books", {"customer": "ada", "total": 20.5, "gift": True}, version=-1)
    publish(api, "o-1", "Two books", {"customer": "ada", "total": 18, "note": "paid"}, version=-1)
    publish(api, "o-13", "Order to an unknown country", NOWHERE)
    publish(api, "o-13", "Corrected order", {"customer": "eve", "total": 3}, version=1)
    publish(api, "o-13", "Corrected once more", {"customer": "eve", "total": 4}, version=2)
    publish(api, "BOOK", "Book", {"available": 5}, type_="STOCK")
    ids = hostile(api) | {
        "task": create(
            api,
            "/tasks",
            {
                "taskType": "ORDER_REMINDER",
                "name": "Reminders of Thursday",
                "input": [{"order": f"o-{n}", "to": f"c{n}@example.com"} for n in range(1, 12)]
                + [{"order": "o-12", "to": "nowhere"}],
            },
        ),
        "approval": create(
            api,
            "/approvals",
            {
                "type": "ORDER_RELEASE",
                "subject": "o-3",
                "payload": {"total": 1200, "customer": "grace"},
                "note": "A new customer, and a large order",
            },
        ),
        "saga": saga(api, "s-1", "visa"),
        "declined": saga(api, "s-2", "declined"),
    }
    path = folder / "airports.csv"
    path.write_text(AIRPORTS, encoding="utf-8")
    key = upload(api, path, "airports", lambda _sent, **_more: None)
    ids["import"] = create(
        api, "/imports", {"key": key, "tableName": "airports", "processingMode": "STEP_FUNCTION"}
    )
    wait(api, f"/imports/{ids['import']}", "status", ("COMPLETED", "FAILED"))
    wait(api, f"/tasks/{ids['task']}", "status", ("COMPLETED", "FAILED"))
    wait(api, f"/sagas/{ids['saga']}", "status", ("COMPLETED", "FAILED"))
    wait(api, f"/sagas/{ids['declined']}", "status", ("COMPENSATED", "FAILED"))
    wait(api, "/commands/ORDER/o-13/3", "outcome", ("BLOCKED", "FAILED"))
    wait(api, f"/tasks/{ids['hostile task']}", "status", ("FAILED",))
    wait(api, f"/sagas/{ids['hostile saga']}", "status", ("COMPENSATED", "FAILED"))
    ids["repair"] = create(api, "/repairs", {"kind": "command", "action": "retry"})
    ids["erasure"] = create(api, "/erasures", {"subject": "person-4711", "reason": HOSTILE})
    return ids


def hostile(api):
    """What has a name that would be markup, of each kind that has names; answers ids."""
    ask = {"type": "ORDER_RELEASE", "subject": HOSTILE, "payload": {HOSTILE: HOSTILE}}
    task = {
        "taskType": "ORDER_REMINDER",
        "name": HOSTILE,
        "input": [{"order": "o-1", "to": HOSTILE}],
    }
    line = {"sku": HOSTILE, "quantity": 1}
    order = {"order": HOSTILE, "customer": HOSTILE, "card": "visa", "total": 1, "lines": [line]}
    return {
        "hostile approval": create(api, "/approvals", {**ask, "note": HOSTILE}),
        "hostile task": create(api, "/tasks", task),
        "hostile saga": create(
            api, "/sagas", {"saga": "order-saga", "input": order, "name": HOSTILE}
        ),
    }


ORDERS = [
    ("One book", "ada", 12.5),
    ("Three lamps", "grace", 74),
    ("A desk of oak", "grace", 1200),
    ("Kaffeemühle, groß", "jürgen", 89.9),
    ("万年筆", "花子", 210),
    ("Party box 🎉", "linus", 33),
    ("Two chairs", "ada", 180),
    ("A lamp", "barbara", 41),
]


def saga(api, order, card):
    """Start an order's saga."""
    lines = [{"sku": "BOOK", "quantity": 1}]
    given = {"order": order, "customer": "ada", "card": card, "total": 40, "lines": lines}
    return create(api, "/sagas", {"saga": "order-saga", "input": given, "name": f"order {order}"})


def publish(api, code, name, attributes, *, type_="ORDER", version=0):
    """Publish a version."""
    body = {"type": type_, "code": code, "name": name, "attributes": attributes}
    return api.post("/commands", json.dumps({**body, "version": version}))


def create(api, path, body):
    """Post something; answers its id."""
    return api.post(path, json.dumps(body))["id"]


def wait(api, path, field, values):
    """Wait until a field says one of these values."""
    return waited(lambda: api.get(path), lambda found: found[field] in values)
