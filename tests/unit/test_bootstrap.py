import json
from datetime import UTC

import pytest
from botocore.exceptions import ClientError

from sfn_cqrs import bootstrap
from sfn_local.http_server import Response, serve

OF_STACK = "arn:aws:states:eu-west-1:123456789012:stateMachine:my-command-stack"
ARN = "arn:aws:rds:us-east-1:000000000000:cluster:of-the-stack"


@pytest.fixture(autouse=True)
def _forgotten():
    bootstrap.reset()
    yield
    bootstrap.reset()


@pytest.fixture
def _deployed(monkeypatch):
    names = ("DATA_TABLE", "HISTORY_TABLE", "REQUESTS_TABLE", "READ_MODELS_TABLE")
    topics = ("EVENTS_TOPIC_ARN", "FAILURE_TOPIC_ARN", "INFORMATION_TOPIC_ARN")
    kinds = ("STREAM_DEAD_LETTER", "NOTIFICATION", "TASK_ACTION", "IMPORT_ACTION")
    queues = [f"{kind}_QUEUE_URL" for kind in kinds]
    for name in (*names, *topics, *queues, "ATTRIBUTES_BUCKET"):
        monkeypatch.setenv(name, name.lower())
    monkeypatch.setenv("MACHINES", f"{OF_STACK}-")
    monkeypatch.setenv("GENERATIONS_KNOWN_SECONDS", "30")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def test_an_override_ends_with_its_block_whatever_happens_in_it():
    with bootstrap.override(data="outer"):
        with pytest.raises(ValueError, match="inner"), bootstrap.override(data="inner"):
            raise ValueError(bootstrap.data())
        assert bootstrap.data() == "outer"


@pytest.mark.usefixtures("_deployed")
def test_every_adapter_is_made_once_of_the_deployed_names():
    makers = (
        bootstrap.processes,
        bootstrap.commands,
        bootstrap.data,
        bootstrap.history,
        bootstrap.requests,
        bootstrap.waits,
        bootstrap.attributes,
        bootstrap.executions,
        bootstrap.events,
        bootstrap.failures,
        bootstrap.information,
        bootstrap.dead_letters,
        bootstrap.notifications,
        bootstrap.task_actions,
        bootstrap.import_actions,
        bootstrap.read_models,
    )

    first, second = [make() for make in makers], [make() for make in makers]

    assert all(one is other for one, other in zip(first, second, strict=True))


def test_another_machine_of_the_stack_is_found_by_its_name(monkeypatch):
    monkeypatch.setenv("MACHINES", f"{OF_STACK}-")
    monkeypatch.setenv("OPERATOR_ROLE", "")

    assert bootstrap.machine_arn("offer-saga") == f"{OF_STACK}-offer-saga"
    assert bootstrap.approval_machine_arn() == f"{OF_STACK}-approval"
    assert bootstrap.operators_arn() == "arn:aws:sts::123456789012:assumed-role//"
    monkeypatch.setenv("OPERATOR_ROLE", "ops")
    assert bootstrap.operators_arn() == "arn:aws:sts::123456789012:assumed-role/ops/"


@pytest.mark.usefixtures("_deployed")
def test_a_reset_forgets_them():
    before = bootstrap.data()

    bootstrap.reset()

    assert bootstrap.data() is not before


@pytest.mark.usefixtures("_deployed")
def test_a_retention_that_is_none_is_found_at_once(monkeypatch):
    monkeypatch.setenv("COMMAND_TTL_DAYS", "soon")

    with pytest.raises(ValueError, match="'soon' is not a number of days"):
        bootstrap.processes()


def test_sql_that_fails_is_a_metric_of_a_function_and_not_of_a_script(monkeypatch, capsys):
    monkeypatch.setenv("POSTGRES", "no DSN")
    for name in ("POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_SERVICE_NAME"):
        monkeypatch.delenv(name, raising=False)
    assert bootstrap.sql().on_failure is None

    bootstrap.reset()
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "sfn-cqrs")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "my-stack")
    bootstrap.sql().on_failure()

    said = json.loads(capsys.readouterr().out)
    assert (said["SqlFailures"], said["service"]) == ([1.0], "my-stack")
    (group,) = said["_aws"]["CloudWatchMetrics"]
    assert (group["Namespace"], group["Dimensions"]) == ("sfn-cqrs", [["service"]])


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("data-api:arn:cluster|arn:secret|app", True),
        ("secret:arn:secret", True),
        ("postgresql://u:p@127.0.0.1/app", False),
    ],
)
@pytest.mark.usefixtures("_deployed")
def test_the_code_of_a_deployed_stack_alone_may_be_ahead_of_its_migrations(
    where, expected, monkeypatch
):
    monkeypatch.setenv("POSTGRES", where)

    assert bootstrap.sql().is_migrated_later is expected


@pytest.mark.parametrize(("service", "times"), [("rds-data", 1), ("dynamodb", 5)])
@pytest.mark.usefixtures("_deployed")
def test_a_statement_is_sent_once_whatever_its_answer(service, times, monkeypatch):
    heard = []

    def handle(request):
        heard.append(request)
        return Response(503, {"x-amzn-ErrorType": "ServiceUnavailableError"}, b"{}")

    server = serve("127.0.0.1", 0, handle)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    client = bootstrap.DEPLOYED.client(service)
    statement = {"resourceArn": ARN, "secretArn": ARN, "sql": "UPDATE t SET n = n + 1"}
    asks = {
        "rds-data": lambda: client.execute_statement(**statement),
        "dynamodb": lambda: client.list_tables(Limit=1),
    }

    with pytest.raises(ClientError):
        asks[service]()
    server.close()

    assert len(heard) == times
    assert client.meta.config.read_timeout > 45 or service != "rds-data"


def test_the_time_has_a_time_zone():
    assert bootstrap.now().tzinfo is UTC
