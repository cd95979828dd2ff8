"""A shop on a busy morning: what the pictures show, and what a new user is asked to find."""

from tests.support.orders import NOWHERE
from tools.tests.console.state import api_of, create, publish, saga, wait

from sfn_cqrs_tools.client.upload import upload

FAILED = 90
CUSTOMERS = ("ada", "grace", "linus", "barbara", "margaret", "hedy", "alan", "katherine")
GOODS = (
    "Two lamps",
    "A desk of oak",
    "Three chairs",
    "A coffee mill",
    "A fountain pen",
    "A bookcase",
)
PLACES = """RJTT,Tokyo Haneda,JP,35.5523,139.78,Asia/Tokyo
EDDF,Frankfurt am Main,DE,50.0333,8.5705,Europe/Berlin
KJFK,John F Kennedy,US,40.6398,-73.7789,America/New_York
EGLL,London Heathrow,GB,51.4706,-0.4619,Europe/London
LFPG,Paris Charles de Gaulle,FR,49.0128,2.55,Europe/Paris
YSSY,Sydney Kingsford Smith,AU,-33.9461,151.1772,Australia/Sydney"""
HEADINGS = "icao,name,country,lat,lon,tz"
WRONG = (
    "ZZ01,Somewhere,AQ,-99,0,Antarctica/McMurdo",
    "ZZ02,Nowhere,AQ,-98.5,12,Antarctica/McMurdo",
    "ZZ03,Lost in time,AQ,-75,0,Mars/Olympus",
)


def fill(stack, folder, failed=FAILED):
    """Fill a stack; answers the ids of what tests look for."""
    api = api_of(stack)
    for number in range(1, 25):
        given = {"customer": CUSTOMERS[number % 8], "total": 20 + 13 * number % 400}
        publish(api, f"o-{number}", GOODS[number % 6], given)
    publish(api, "o-7", "Three chairs", {"customer": "grace", "total": 740}, version=-1)
    publish(
        api, "o-7", "Four chairs", {"customer": "grace", "total": 980, "gift": True}, version=-1
    )
    for number in range(failed):
        given = {**NOWHERE, "total": 15 + number}
        publish(api, f"w-{number + 1}", "From the new web shop", given)
    publish(api, "w-1", "From the new web shop", {"customer": "ada", "total": 15}, version=1)
    publish(api, "BOOK", "Book", {"available": 500}, type_="STOCK")
    ids = {
        "task": create(api, "/tasks", _reminders()),
        "approval": create(api, "/approvals", _approval("o-8", 1200, "A new customer")),
        "saga": saga(api, "o-26", "visa"),
        "declined": saga(api, "o-27", "declined"),
        "import": _imported(api, folder, "airports.csv", (PLACES, *WRONG)),
        "good import": _imported(
            api, folder, "regional.csv", ("ROAH,Naha,JP,26.19,127.64,Asia/Tokyo",)
        ),
    }
    create(api, "/approvals", _approval("o-14", 860, "Twice the usual amount"))
    wait(api, f"/tasks/{ids['task']}", "status", ("COMPLETED", "FAILED"))
    wait(api, f"/sagas/{ids['saga']}", "status", ("COMPLETED",))
    wait(api, f"/sagas/{ids['declined']}", "status", ("COMPENSATED",))
    for code, version in ((f"w-{failed}", 1), ("w-1", 2), ("o-7", 3)):
        wait(api, f"/commands/ORDER/{code}/{version}", "outcome", ("FAILED", "BLOCKED", "APPLIED"))
    for number in range(failed):
        wait(api, f"/commands/ORDER/w-{number + 1}/1", "outcome", ("FAILED",))
    ids["repair"] = create(api, "/repairs", {"kind": "command", "action": "retry"})
    return ids


def _reminders():
    items = [{"order": f"o-{n}", "to": f"{CUSTOMERS[n % 8]}@example.com"} for n in range(1, 24)]
    late = [{"order": "o-24", "to": "nowhere"}]
    return {"taskType": "ORDER_REMINDER", "name": "Reminders of Thursday", "input": items + late}


def _approval(order, total, note):
    given = {"type": "ORDER_RELEASE", "subject": order, "note": note}
    return {**given, "payload": {"total": total, "customer": "grace"}}


def _imported(api, folder, name, rows):
    path = folder / name
    path.write_text("\n".join((HEADINGS, *rows, "")), encoding="utf-8")
    key = upload(api, path, "airports", lambda _sent, **_more: None)
    id_ = create(
        api, "/imports", {"key": key, "tableName": "airports", "processingMode": "STEP_FUNCTION"}
    )
    wait(api, f"/imports/{id_}", "status", ("COMPLETED", "FAILED"))
    return id_
