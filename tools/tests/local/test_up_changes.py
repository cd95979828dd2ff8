"""A project changes while `up` runs it: what it says, and what its clients meet."""

import json
import threading
import urllib.error
import urllib.request

import pytest
from tests.support.command_line import command_line
from tests.support.over_http import fetch
from tests.support.project import copy_project
from tests.support.proof import PROOF, deep
from tools.tests.local.running import PROJECT, Up
from tools.tests.local.test_survival import seven_free_ports

pytestmark = pytest.mark.stack

PROBE = """from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.api.declared import route


@route("GET", "/probe", allow=MEMBERS)
def probe(_asked):
    return {{"number": {}}}
"""
PARCELS = """from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.machines.command.handlers import command_type, sync_handler
from sfn_cqrs.machines.command.read_models import read_model_type

command_type("PARCEL", publish=MEMBERS)
read_model_type("parcels_by_sender", by="sender", read=MEMBERS)


@sync_handler("PARCEL")
def parcels_by_sender(command):
    row = {
        "version": command.version,
    }
    sender = str(command.attributes["sender"])
    bootstrap.read_model("parcels_by_sender").put_if_newer(
        command.key.tenant, sender, command.key.code, row
    )
"""
COUNTS = """from sfn_cqrs import bootstrap
from sfn_cqrs.machines.command.handlers import sync_handler


@sync_handler("PARCEL")
def parcels_counted(command):
    view = bootstrap.read_model("parcels_counted")
    view.write_all([view.add(command.key.tenant, "all", "sum", "parcels", 1)])
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
            body = {"type": "ORDER", "code": code, "name": code}
            status, text = self.ask(
                "/commands", {**body, "attributes": {"customer": "ada", "total": 1}}, key=code
            )
            self.sent += status in (200, 202)
            if status not in (0, 200, 202, 503):
                self.wrong.append((status, text))

    def ask(self, path: str, body: object = None, key: str = "") -> tuple[int, str]:
        """The status and the body of an answer; 0 where nobody listens."""
        headers = {"x-user": "taro", **({"idempotency-key": key} if key else {})}
        try:
            answer = fetch(f"{self.http}{path}", headers, body)
        except (urllib.error.URLError, *PATIENT):
            return 0, ""
        return answer.status, answer.text


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A project, its stack, and the address of its API."""
    folder = tmp_path_factory.mktemp("up")
    project = copy_project(folder / "project", only=(*PROJECT, "samconfig.toml"))
    (project / "app/starter/probe.py").write_text(PROBE.format(0))
    (project / "app/starter/parcels.py").write_text(PARCELS)
    (project / "app/starter/counts.py").write_text(COUNTS)
    up = Up(project, folder / "state", "--twice", "--port", str(seven_free_ports()))
    try:
        http = up.until(r"^  http    (\S+)\n  live    \1/live\.html\n  docs    \1/docs$")[1]
        up.until("^Ctrl-C ends it")
        yield project, up, http
    finally:
        up.end()


@pytest.fixture
def run(running, monkeypatch, capfd):
    """Return what runs a command on the stack, in this process."""
    _, up, _ = running
    return command_line(monkeypatch, capfd, after=up.options[:2])


def test_up_says_where_it_is_what_failed_what_is_broken_and_what_is_mended(running, run):
    project, up, http = running
    body = {"type": "PARCEL", "code": "p 1", "name": "first", "attributes": {"weight": 1}}
    assert fetch(f"{http}/commands", body=body).status == 202
    up.until(
        r"failed    CommandSyncDataFunction: SyncHandlerError: parcels_by_sender: KeyError"
        r": 'sender'\n +File \".*app/starter/parcels\.py\", line \d+, in parcels_by_sender"
        r"\n +sender = str\(command\.attributes\[\"sender\"\]\)"
        r"\n +sfn-cqrs chain show PARCEL 'p 1'$"
    )

    parcels = project / "app/starter/parcels.py"
    good = parcels.read_text()
    parcels.write_text(good.replace("row = {", "row = = {"))
    up.until(
        r"broken    starter\.parcels cannot be imported: SyntaxError.*\n"
        r" +File \".*app/starter/parcels\.py\", line \d+\n +row = = \{$"
        r"(.*\n)*.*broken    app/starter/parcels\.py:"
        r" the stack continues with the code from before$"
    )
    given = json.dumps({"sender": "ada"})
    parcel = ("PARCEL", "p-2", "--name", "x", "--attributes", given, "--wait")
    published = run("publish", *parcel)
    rebuilt = run("read-model", "rebuild", "parcels_by_sender")
    ill = run("doctor", *up.options[2:])

    parcels.write_text(good)
    up.until(
        r"repaired  starter\.parcels can be imported again\n.*reloaded  app/starter/parcels\.py$"
    )
    well = run("doctor", *up.options[2:])

    list_zip = project / "functions/zip_orchestrator/list_zip/app.py"
    zipped = list_zip.read_text()
    list_zip.write_text("import no_such_library\n")
    up.until(
        r"broken    functions/zip_orchestrator/list_zip cannot be imported: ModuleNotFoundError: .*"
        r"\n +File \".*/list_zip/app\.py\", line 1, in <module>\n +import no_such_library$"
    )
    list_zip.write_text(zipped)
    up.until("repaired  functions/zip_orchestrator/list_zip can be imported again$")

    assert published.code == 0, published.error
    assert rebuilt.error.startswith(
        "error: app_broken: a rebuild would run the code from before: starter.parcels cannot be"
    )
    assert ill.code == 1
    assert ill.output.startswith("starter.parcels cannot be imported: SyntaxError: invalid syntax")
    assert "row = = {" in ill.output
    assert "cannot be imported" not in well.output


def test_a_row_that_counts_each_run_of_its_handler_is_named(running, run):
    _, up, _ = running
    given = json.dumps({"sender": "ada"})
    assert run("publish", "PARCEL", "p-3", "--name", "x", "--attributes", given, "--wait").code == 0

    up.until(
        r"twice     version 1 of PARCEL/p-\d came again and changed parcels_counted all sum:"
        r" parcels: \d+ -> \d+\n +each version comes at least once: guard the write by"
    )


def test_changes_of_state_machines_are_taken_over_and_broken_templates_are_not(running):
    project, up, _ = running
    machine, template = project / "statemachine/command.asl.json", project / "template.yaml"
    good, deployed = machine.read_text(), template.read_text()

    machine.write_text(good.replace('"Applies one version', '"Brings one version', 1))
    up.until(r"reloaded  state machine sfn-cqrs-command; executions that run keep theirs$")
    machine.write_text(good.replace('"StartAt"', '"StartsAt"', 1))
    up.until(r"broken    command\.asl\.json: .*; the stack continues with what it has$")
    machine.write_text(good)

    template.write_text(deployed.replace("Default: 90", "Default: ninety", 1) + "\n  - [")
    up.until(r"broken    .*template\.yaml.*; the stack continues with what it has$")
    round_ = "\nResources:\n  Round: { Type: AWS::SNS::Topic, DependsOn: Round }\n"
    template.write_text(deployed.replace("\nResources:\n", round_, 1))
    up.until(r"broken    .* need one another: Round -> Round\. .*; the stack continues with .*$")
    template.write_text(deployed)


AGAIN = (r"reloaded  template\.yaml: the stack is deployed again$", r"the stack runs again$")


@pytest.mark.parametrize("saves", [1, pytest.param(deep(5, 50), marks=PROOF)])
def test_what_is_saved_with_the_template_runs_with_the_next_call(running, run, saves):
    project, up, http = running
    probe, template = project / "app/starter/probe.py", project / "template.yaml"
    answers: list[list[str]] = []
    with Client(http) as client:
        for number in range(1, saves + 1):
            template.write_text(f"{template.read_text()}# {number}\n")
            probe.write_text(PROBE.format(number))
            seen: list[str] = []
            answers.append(seen)
            for said in AGAIN:
                while not up.has_said(said, unless="the stack does not run"):
                    status, text = client.ask("/probe")
                    seen += [text] if status == 200 else []
            seen.append(client.ask("/probe")[1])

    assert client.wrong == []
    assert client.sent > saves
    for number, seen in enumerate(answers, 1):
        assert {json.loads(text)["number"] for text in seen} == {number}
    assert run("env", "--json").json["APP_PACKAGE"] == "starter"


@pytest.mark.parametrize("saves", [1, pytest.param(3, marks=PROOF)])
def test_no_client_meets_a_save(running, saves):
    project, _, http = running
    offers, probe = project / "app/starter/orders.py", project / "app/starter/probe.py"
    good = offers.read_text()
    answers = []
    with Client(http) as client:
        for number in range(1, saves + 1):
            probe.write_text(PROBE.format(number))
            answers.append(client.ask("/probe"))
            offers.write_text(good.replace("row = {", "row = = {"))
            answers.append(client.ask("/probe"))
            offers.write_text(f"{good}# {number}\n")
            probe.write_text(PROBE.format(-number))
            answers.append(client.ask("/probe"))

    assert client.wrong == []
    numbers = [json.loads(text)["number"] for _, text in answers]
    assert numbers == [seen for number in range(1, saves + 1) for seen in (number, number, -number)]
