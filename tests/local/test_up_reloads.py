"""`up` never runs old code, and no client meets a save."""

import json
import threading
import urllib.error
import urllib.request

import pytest
from tests.local.project import copy_project
from tests.local.test_survival import seven_free_ports
from tests.local.test_up_talks import PROJECT, Up
from tests.support.proof import PROOF, deep

pytestmark = pytest.mark.stack

PROBE = """from sfn_cqrs.domain.policy import MEMBERS
from sfn_cqrs.service.routes import route


@route("GET", "/probe", allow=MEMBERS)
def probe(_asked):
    return {{"number": {}}}
"""
PATIENT = (ConnectionError, TimeoutError)
"""What a client meets while the stack is deployed again: nobody listens."""


class Client:
    """Publishes commands all the time, and notes each answer but 200, 202 and 503.

    It asks for each ten times, so the machine runs the tenth part of what the API is asked for.
    """

    def __init__(self, http: str) -> None:
        self.http = http
        self.sent = 0
        self.wrong: list[tuple[int, str]] = []
        self.is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Client":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self.is_over.wait(0.05):
            code = f"o-{self.sent // 10}"
            body = {"type": "OFFER", "code": code, "name": code}
            status, text = self.ask(
                "/commands", {**body, "attributes": {"customer": "ada", "total": 1}}, key=code
            )
            self.sent += status in (200, 202)
            if status not in (0, 200, 202, 503):
                self.wrong.append((status, text))

    def ask(self, path: str, body: object = None, key: str = "") -> tuple[int, str]:
        """The status and the body of an answer; 0 where nobody listens."""
        given = None if body is None else json.dumps(body).encode()
        headers = {"x-user": "taro", **({"idempotency-key": key} if key else {})}
        request = urllib.request.Request(f"{self.http}{path}", given, headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except (urllib.error.URLError, *PATIENT):
            return 0, ""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A project, its stack, and the address of its API."""
    folder = tmp_path_factory.mktemp("up")
    project = copy_project(folder / "project", only=(*PROJECT, "samconfig.toml"))
    (project / "app/starter/probe.py").write_text(PROBE.format(0))
    up = Up(project, folder / "state", "--port", str(seven_free_ports()))
    try:
        http = up.until(r"^  http    (\S+)$")[1]
        up.until("^Ctrl-C ends it")
        yield project, up, http
    finally:
        up.end()


@pytest.mark.parametrize("saves", [2, pytest.param(deep(20, 50), marks=PROOF)])
def test_what_is_saved_with_the_template_runs_with_the_next_call(running, saves):
    project, up, http = running
    probe, template = project / "app/starter/probe.py", project / "template.yaml"
    answers: list[list[str]] = []
    with Client(http) as client:
        for number in range(1, saves + 1):
            template.write_text(f"{template.read_text()}# {number}\n")
            probe.write_text(PROBE.format(number))
            seen: list[str] = []
            answers.append(seen)
            while not up.has_said("the stack runs again", unless="the stack does not run"):
                status, text = client.ask("/probe")
                seen += [text] if status == 200 else []
            seen.append(client.ask("/probe")[1])

    assert client.wrong == []
    assert client.sent > saves
    for number, seen in enumerate(answers, 1):
        assert {json.loads(text)["number"] for text in seen} == {number}


def test_no_client_meets_a_save(running):
    project, _, http = running
    offers, probe = project / "app/starter/offers.py", project / "app/starter/probe.py"
    good = offers.read_text()
    answers = []
    with Client(http) as client:
        for number in range(3):
            probe.write_text(PROBE.format(number))
            answers.append(client.ask("/probe"))
            offers.write_text(good.replace("row = {", "row = = {"))
            answers.append(client.ask("/probe"))
            offers.write_text(f"{good}# {number}\n")

    assert client.wrong == []
    numbers = [json.loads(text)["number"] for _, text in answers]
    assert numbers == [number for number in range(3) for _ in "12"]
