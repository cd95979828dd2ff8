"""Migrations around a deploy: before the code is switched, where there is a stack already."""

import re
import sys
from collections.abc import Iterator

import pytest
from tests.support.commands import ran
from tests.support.postgres import a_server

from sfn_cqrs_tools.project import CHECKOUT
from sfn_local.http_server import Request, Response, serve

NO_STACK = (400, "ValidationError", "Stack with id sfn-cqrs-dev does not exist")
NO_RIGHT = (403, "AccessDenied", "you may not")


@pytest.fixture
def account(monkeypatch) -> Iterator[list[tuple[int, str, str]]]:
    """The refusal that CloudFormation answers with."""
    refusals: list[tuple[int, str, str]] = []

    def handle(_request: Request) -> Response:
        status, code, message = refusals[0]
        text = (
            f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error>"
            "</ErrorResponse>"
        )
        return Response(status, {"Content-Type": "text/xml"}, text.encode())

    server = serve("127.0.0.1", 0, handle)
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", server.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    yield refusals
    server.close()


@pytest.mark.parametrize(
    ("refusal", "options", "code"),
    [
        (NO_STACK, ["--if-there"], 0),
        (NO_STACK, [], 1),
        (NO_RIGHT, ["--if-there"], 1),
    ],
)
def test_a_stack_that_is_yet_to_be_deployed_has_nothing_to_migrate(
    sfn_cqrs, account, refusal, options, code
):
    account.append(refusal)

    result = sfn_cqrs("sql", "migrate", "--stack", "sfn-cqrs-dev", *options)

    assert result.code == code
    assert ("nothing to migrate" in result.output) == (code == 0)


def test_a_deploy_migrates_before_it_switches_the_code_and_a_new_database_after_it():
    rule = re.search(r"^deploy:.*\n((?:\t.*\n)+)", (CHECKOUT / "Makefile").read_text(), re.M)

    assert rule is not None
    assert re.findall(r"sam build|sam deploy|sql migrate.*", rule[1]) == [
        "sam build",
        "sql migrate --config-env $(STAGE) --if-there",
        "sam deploy",
        "sql migrate --config-env $(STAGE)",
    ]


MIGRATES = """
import shutil, sys
from sfn_cqrs_tools.stack.database import Database, Migration, StackError
_, dsn, folder, layer = sys.argv
shutil.copytree(layer, f"{folder}/layer")
sys.path.insert(0, f"{folder}/layer")
for name in [name for name in sys.modules if name.partition(".")[0] == "sfn_cqrs"]:
    del sys.modules[name]
try:
    migrations = [Migration("0001_x.sql", "CREATE TABEL x ();")]
    Database(migrations, given=dsn).migrate()
except StackError as error:
    print(error)
"""


def test_a_wrong_migration_is_named_while_a_copy_of_the_layer_runs(tmp_path):
    with a_server() as server:
        done = ran(sys.executable, "-c", MIGRATES, server.dsn, tmp_path, CHECKOUT / "layer")

    says = "PostgreSQL: 0001_x.sql:1: 42601: syntax error at or near"
    assert done.stdout.startswith(says), done.stderr
