"""What a browser may be made to send to the console: forms of other sites, who somebody is."""

import re
from http.client import HTTPConnection
from urllib.parse import urlencode

import pytest

from sfn_cqrs_tools.client.aws import Target
from sfn_cqrs_tools.console.backend import ROOT, deployed, local
from sfn_cqrs_tools.console.pages import FILES, FORMS
from sfn_cqrs_tools.console.server import ConsoleServer

NOWHERE = "http://127.0.0.1:9"
"""A stack's API that nothing may be sent to: whatever is, is a 5xx."""
SESSION = "sfn_cqrs_console=a-session"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
WHO = {"user": "eve", "tenant": "tenant2", "roles": "operator"}
EVERYTHING = sorted({*FORMS, *FILES, "/who"})


@pytest.fixture(scope="module", params=["local", "deployed"])
def console(request):
    target = Target({}, {}, "stack")
    made = {
        "local": lambda: local("stack", NOWHERE, target, "kenji"),
        "deployed": lambda: deployed("stack", NOWHERE, target, "no token"),
    }[request.param]()
    server = ConsoleServer(made)
    yield server
    server.close()


def ask(console, method, path, headers=None, body=""):
    connection = HTTPConnection("127.0.0.1", console.port, timeout=60)
    connection.request(method, f"{ROOT}{path}", body.encode(), headers or {})
    response = connection.getresponse()
    answer = response.status, dict(response.getheaders()), response.read().decode()
    connection.close()
    return answer


def token(console):
    """That of the session's forms; a page that is none shows it, too."""
    _, _, text = ask(console, "GET", "/nosuch", {"Cookie": SESSION})
    found = re.search(r'name="csrf" content="(\w+)"', text)
    assert found is not None
    return found[1]


def of(path):
    return re.sub(r"\{\w+:int\}", "1", re.sub(r"\{\w+\}", "x", path))


@pytest.mark.parametrize("path", EVERYTHING)
def test_what_does_not_carry_the_token_of_its_own_session_does_nothing(console, path):
    of_another, of_nobody = token(console), console._console._tokens.token("")
    attempts = [
        ({**FORM, "Cookie": SESSION}, ""),
        ({**FORM, "Cookie": SESSION}, "csrf="),
        ({**FORM, "Cookie": "sfn_cqrs_console=another"}, f"csrf={of_another}"),
        ({"Cookie": SESSION, "x-csrf": "x"}, "a file"),
        ({**FORM, "x-csrf": of_another}, f"csrf={of_another}"),
        ({**FORM, "x-csrf": of_nobody}, f"csrf={of_nobody}"),
    ]

    answers = [ask(console, "POST", of(path), *attempt) for attempt in attempts]

    assert {status for status, _, _ in answers} == {403}
    assert not any("sfn_cqrs_who" in headers.get("set-cookie", "") for _, headers, _ in answers)


@pytest.mark.parametrize(
    ("back", "place"),
    [
        (ROOT, ROOT),
        (f"{ROOT}?a=b", f"{ROOT}?a=b"),
        (f"{ROOT}/items?type=ORDER", f"{ROOT}/items?type=ORDER"),
        ("https://evil.example", ROOT),
        ("//evil.example", ROOT),
        ("/consolation", ROOT),
        ("/", ROOT),
        ("javascript:alert(1)", ROOT),
        ("", ROOT),
    ],
)
def test_whoever_is_chosen_stays_in_the_console(console, back, place):
    form = urlencode({**WHO, "csrf": token(console), "back": back})

    status, headers, _ = ask(console, "POST", "/who", {**FORM, "Cookie": SESSION}, form)

    assert (status, headers["location"]) == (303, place)


def test_only_on_this_machine_somebody_chooses_who_to_be(console):
    form = urlencode({**WHO, "csrf": token(console)})
    cookies = f"{SESSION}; sfn_cqrs_who={urlencode(WHO)}"

    _, headers, _ = ask(console, "POST", "/who", {**FORM, "Cookie": SESSION}, form)
    _, _, page = ask(console, "GET", "/nosuch", {"Cookie": cookies})

    is_local = console._console._backend.is_local
    assert ("sfn_cqrs_who" in headers.get("set-cookie", "")) is is_local
    assert ("tenant2" in page) is is_local
