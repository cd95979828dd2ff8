"""`restore` against the fabric, which makes one wait and refuses as DynamoDB does."""

import json
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from tests.support.proof import sampled
from tests.template.stack import EXAMPLE, ROOT, SHOP, TEMPLATE

from sfn_cqrs_tools.project import CHECKOUT
from sfn_cqrs_tools.restore import importing, restoring
from sfn_cqrs_tools.restore.importing import import_tables, stack_of_tables
from sfn_cqrs_tools.restore.restoring import (
    STREAMS,
    TABLES,
    RestoreError,
    protection,
    restore,
)
from sfn_cqrs_tools.runtime.fabric import Ministack, session

NO_PAUSE = 0.0
NAMES = list(TABLES.values())
FEW = {"CommandsTableName": "commands", "DataTableName": "data"}
MOST_CALLS = 60
PREFIXES = map("r{}".format, count())


class Killed(BaseException):
    """The process ends here."""


class Calls:
    """Counts what is sent to AWS, and kills at one of them: before it is sent or after it."""

    def __init__(self, client, at=None, *, is_sent=False):
        self.made = []
        self._at, self._is_sent = at, is_sent
        client.meta.events.register("before-call.dynamodb", self._before)
        client.meta.events.register("after-call.dynamodb", self._after)

    def _before(self, model, **_):
        self.made.append(model.name)
        if not self._is_sent:
            self._kill()

    def _after(self, **_):
        if self._is_sent:
            self._kill()

    def _kill(self):
        if self._at == len(self.made) - 1:
            raise Killed


@pytest.fixture(scope="module")
def fabric(tmp_path_factory):
    python = CHECKOUT / ".venv-fabric" / "bin" / "python"
    process = Ministack(python, tmp_path_factory.mktemp("fabric") / "fabric.log")
    process.start({})
    process.wait()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def outputs(fabric):
    """Tables as prod has them; their names, as a stack's outputs give them."""
    dynamodb = session().client("dynamodb", endpoint_url=fabric.endpoint)
    key = [("pk", "HASH"), ("sk", "RANGE")]
    for name in NAMES:
        dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": one, "KeyType": kind} for one, kind in key],
            AttributeDefinitions=[{"AttributeName": one, "AttributeType": "S"} for one, _ in key],
            DeletionProtectionEnabled=True,
            Tags=[{"Key": "project", "Value": "shop"}, {"Key": "aws:own", "Value": "1"}],
            **({"StreamSpecification": STREAM} if name in STREAMS else {}),
        )
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=EXPIRY)
        dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=BACKUPS)
    dynamodb.put_item(TableName="data", Item={"pk": {"S": "1"}, "sk": {"S": "1"}})
    return dict(zip(TABLES, NAMES, strict=True))


STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
EXPIRY = {"AttributeName": "ttl", "Enabled": True}
BACKUPS = {"PointInTimeRecoveryEnabled": True}


@pytest.fixture(autouse=True)
def _few(monkeypatch):
    """Two tables, one with a stream, have all that the others have; `undo` brings these back."""
    monkeypatch.setattr(restoring, "TABLES", FEW)
    monkeypatch.setattr(importing, "TABLES", FEW)
    monkeypatch.setattr(restoring, "STREAMS", ("commands",))


@pytest.fixture
def prefix():
    """Names of tables that no other test has."""
    return next(PREFIXES)


@pytest.fixture
def dynamodb(fabric):
    return session().client("dynamodb", endpoint_url=fabric.endpoint)


def check_complete(dynamodb, prefix, moment):
    """Every table is as its source, and of the same moment."""
    for name in restoring.TABLES.values():
        table = dynamodb.describe_table(TableName=f"{prefix}-{name}")["Table"]
        assert table["TableStatus"] == "ACTIVE"
        assert table["RestoreSummary"]["RestoreDateTime"] == moment
        assert table["DeletionProtectionEnabled"] is True
        assert table.get("StreamSpecification") == (STREAM if name in STREAMS else None)
        named = {"TableName": f"{prefix}-{name}"}
        expiry = dynamodb.describe_time_to_live(**named)["TimeToLiveDescription"]
        assert expiry["AttributeName"] == "ttl"
        backups = dynamodb.describe_continuous_backups(**named)["ContinuousBackupsDescription"]
        status = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
        assert status == "ENABLED"
        tags = dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]
        assert tags == [{"Key": "project", "Value": "shop"}]
    assert dynamodb.scan(TableName=f"{prefix}-data")["Count"] == 1


def test_all_tables_are_of_one_moment_and_complete(dynamodb, outputs, prefix, monkeypatch):
    monkeypatch.undo()
    told = []

    restored = restore(dynamodb, outputs, prefix, None, told.append, NO_PAUSE)

    check_complete(dynamodb, prefix, restored.moment)
    assert restored.parameters["RestoredTables"] == prefix
    assert len(set(restored.labels)) == len(STREAMS)
    assert f"{prefix}-commands is CREATING: waiting" in told
    assert f"{prefix}-commands is UPDATING: waiting" in told
    assert f"{prefix}-data: ContinuousBackupsUnavailableException; again in 0 s" in told


def test_the_moment_is_the_latest_that_all_tables_can_be_restored_to(dynamodb, outputs, prefix):
    now = datetime.now(UTC).replace(microsecond=0)
    behind = {name: now - timedelta(minutes=number) for number, name in enumerate(NAMES)}
    asked = []
    dynamodb.meta.events.register(
        "before-parameter-build.dynamodb.DescribeContinuousBackups",
        lambda params, **_: asked.append(params["TableName"]),
    )

    def lag(parsed, **_):
        found = parsed["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        if asked[-1] in behind:
            found["EarliestRestorableDateTime"] = now - timedelta(days=35)
            found["LatestRestorableDateTime"] = behind[asked[-1]]

    dynamodb.meta.events.register("after-call.dynamodb.DescribeContinuousBackups", lag)

    restored = restore(dynamodb, outputs, prefix, None, poll_seconds=NO_PAUSE)

    assert restored.moment == now - timedelta(minutes=1)


def test_a_moment_that_one_table_does_not_have_begins_nothing(dynamodb, outputs, prefix):
    long_ago = datetime.now(UTC) - timedelta(days=40)

    with pytest.raises(RestoreError, match=r"commands can be restored from .* to .* only"):
        restore(dynamodb, outputs, prefix, long_ago, poll_seconds=NO_PAUSE)

    assert f"{prefix}-commands" not in dynamodb.list_tables()["TableNames"]


def test_another_moment_under_the_same_prefix_is_refused(dynamodb, outputs, prefix):
    restored = restore(dynamodb, outputs, prefix, None, poll_seconds=NO_PAUSE)

    earlier = restored.moment - timedelta(seconds=30)
    with pytest.raises(RestoreError, match=rf"{prefix}-commands is of .*: give `--to "):
        restore(dynamodb, outputs, prefix, earlier, poll_seconds=NO_PAUSE)


def test_a_table_of_somebody_else_is_left_alone(dynamodb, outputs):
    dynamodb.create_table(
        TableName="x-data",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )

    with pytest.raises(RestoreError, match="x-data was not restored from data"):
        restore(dynamodb, outputs, "x", None, poll_seconds=NO_PAUSE)


@pytest.mark.parametrize("is_sent", [False, True], ids=["before it is sent", "unanswered"])
@pytest.mark.parametrize("at", sampled(range(MOST_CALLS), 6))
def test_a_restore_that_is_killed_at_any_call_goes_on(
    dynamodb, outputs, prefix, fabric, at, is_sent
):
    victim = session().client("dynamodb", endpoint_url=fabric.endpoint)
    calls = Calls(victim, at, is_sent=is_sent)
    try:
        restore(victim, outputs, prefix, None, poll_seconds=NO_PAUSE)
    except Killed:
        pass
    else:
        assert len(calls.made) <= at, "the sweep is over"

    later = Calls(dynamodb)
    restored = restore(dynamodb, outputs, prefix, None, poll_seconds=NO_PAUSE)

    check_complete(dynamodb, prefix, restored.moment)
    begun = [name for name in calls.made if name == "RestoreTableToPointInTime"]
    again = [name for name in later.made if name == "RestoreTableToPointInTime"]
    assert len(begun) + len(again) <= len(FEW) + 1


def test_the_sweep_goes_through_every_call(dynamodb, outputs, prefix):
    calls = Calls(dynamodb)

    restore(dynamodb, outputs, prefix, None, poll_seconds=NO_PAUSE)

    assert len(calls.made) < MOST_CALLS


def test_restored_tables_come_under_cloudformation_in_a_stack_of_their_own(
    fabric, dynamodb, outputs, prefix
):
    cloudformation = session().client("cloudformation", endpoint_url=fabric.endpoint)
    restore(dynamodb, outputs, prefix, None, poll_seconds=NO_PAUSE)
    tables = stack_of_tables(TEMPLATE.document, prefix, protection(dynamodb, prefix))
    told = []

    imported = import_tables(cloudformation, tables, prefix, told.append, NO_PAUSE)
    again = import_tables(cloudformation, tables, prefix, told.append, NO_PAUSE)

    found = cloudformation.describe_stack_resources(StackName=prefix)["StackResources"]
    assert {one["PhysicalResourceId"] for one in found} == {f"{prefix}-commands", f"{prefix}-data"}
    assert imported == "IMPORT_COMPLETE"
    assert again == "IMPORT_COMPLETE"
    assert told[-1] == f"the stack {prefix} has the tables as they are to be"


def test_the_tables_of_a_project_are_those_of_the_application_inside_it(dynamodb, outputs, prefix):
    restore(dynamodb, outputs, prefix, None, poll_seconds=NO_PAUSE)
    protected = protection(dynamodb, prefix)

    of_project, of_application = (
        stack_of_tables(template.document, prefix, protected) for template in (SHOP, TEMPLATE)
    )

    assert of_project == of_application


@pytest.mark.parametrize(
    ("project", "where", "parameter"),
    [
        (ROOT, "of the stack that is to use them", "RestoredTables={}"),
        (EXAMPLE, "of the framework's application, in template.yaml", "RestoredTables: {}"),
    ],
    ids=["repository", "project"],
)
def test_where_the_parameters_go_is_said(
    fabric, dynamodb, outputs, prefix, sfn_cqrs, monkeypatch, project, where, parameter
):
    keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "local")
    region = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": fabric.endpoint}
    for name, value in (keys | region).items():
        monkeypatch.setenv(name, value)
    named = {name: {"Value": table} for name, table in outputs.items()}
    topic = {"Topic": {"Type": "AWS::SNS::Topic"}}
    session().client("cloudformation", endpoint_url=fabric.endpoint).create_stack(
        StackName=f"{prefix}-stack", TemplateBody=json.dumps({"Resources": topic, "Outputs": named})
    )
    restore(dynamodb, outputs, prefix, None, poll_seconds=NO_PAUSE)

    of_stack = ("--stack", f"{prefix}-stack", "--template", project / "template.yaml")
    said = sfn_cqrs("restore", prefix, *of_stack)

    assert (said.code, where in said.output) == (0, True), said
    assert parameter.format(prefix) in said.output


def test_an_upgrade_reaches_imported_tables(fabric, dynamodb, outputs, prefix):
    """What a release adds to a table in the template, the next import adds to the restored one."""
    cloudformation = session().client("cloudformation", endpoint_url=fabric.endpoint)
    restore(dynamodb, outputs, prefix, None, poll_seconds=NO_PAUSE)
    tables = stack_of_tables(TEMPLATE.document, prefix, protection(dynamodb, prefix))
    import_tables(cloudformation, tables, prefix, lambda _: None, NO_PAUSE)

    tables["Resources"]["DataTable"]["Properties"]["StreamSpecification"] = {
        "StreamViewType": "NEW_IMAGE"
    }
    status = import_tables(cloudformation, tables, prefix, lambda _: None, NO_PAUSE)

    data = dynamodb.describe_table(TableName=f"{prefix}-data")["Table"]
    assert status == "UPDATE_COMPLETE"
    assert data["StreamSpecification"]["StreamViewType"] == "NEW_IMAGE"


def test_a_stack_that_uses_the_tables_already_can_be_asked_for_its_parameters(
    dynamodb, outputs, prefix
):
    first = restore(dynamodb, outputs, prefix, None, poll_seconds=NO_PAUSE)
    in_use = {output: f"{prefix}-{name}" for output, name in FEW.items()}

    assert restore(dynamodb, in_use, prefix, None, poll_seconds=NO_PAUSE) == first
