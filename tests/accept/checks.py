"""The fifteen checks, each as an operator makes it: with the command line and over HTTP."""

import json
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.accept import project
from tests.accept.stacks import TENANT, Account, Stack, told, waited

EXAMPLE = Path(__file__).parents[2] / "examples/shop"
TYPES = {"FAILING", "ITEM", "NOTE", "ROOM"}
LETTERS = 10 * 1024
LOUD, COMMANDS_OF_LOUD = ("loud1", "loud2"), 50
ARCHIVED = 3
KEPT_DAYS = "30"


class CheckFailedError(Exception):
    """What a check has found wrong."""


@dataclass(frozen=True)
class Check:
    """A check; `only` tells what an account alone shows, and `is_local` whether it runs here.

    Without `run` nobody can make it yet, for the reason that `only` tells.
    """

    number: int
    title: str
    run: Callable[[Stack], str] | None
    only: str = ""
    is_local: bool = True


def expect(found: object, wanted: object, what: str) -> None:
    """Compare what was found.

    Raises:
        CheckFailedError: it is something else.
    """
    if found != wanted:
        raise CheckFailedError(f"{what}: {found!r} instead of {wanted!r}")


def publish(
    stack: Stack, type_: str, code: str, *words: str, tenant: str = TENANT, attributes: str = "{}"
) -> None:
    """Publish a version; `--wait` among the words waits for its end."""
    stack.counts["commands"] += 1
    given = ("--name", code, "--attributes", attributes)
    stack.cli("publish", type_, code, *given, *words, tenant=tenant)


def deployed(stack: Stack) -> str:
    """Ask for the types, and for the quotas."""
    found = {one["type"] for one in told(stack, "type", "list")}
    expect(found, TYPES, "the project's types")
    quotas = told(stack, "doctor", "--quotas", tenant=None)
    return "; ".join(f"{one['quota']} {one['value']:,}" for one in quotas)


def reads_its_write(stack: Stack) -> str:
    """Publish, and read the item and the row of its read model at once."""
    publish(stack, "ITEM", "read", "--wait", attributes='{"n": 1}')
    item = told(stack, "data", "get", "ITEM", "read", "--at-least", "1")
    expect((item["version"], item["attributes"]), (1, {"n": 1}), "the item")
    row = told(stack, "read-model", "show", "item_list", "all", "read")
    expect((row["version"], row["name"]), (1, "read"), "the row of the read model")
    return "the item and its row are at version 1"


def goes_on(stack: Stack) -> str:
    """Publish two versions without waiting between them."""
    publish(stack, "ITEM", "two")
    publish(stack, "ITEM", "two", "--version", "1", attributes='{"n": 2}')
    chain = waited(
        stack,
        lambda: told(stack, "chain", "show", "ITEM", "two"),
        lambda found: all(one["outcome"] != "OPEN" for one in found),
    )
    chain.sort(key=lambda one: one["version"])
    ended = [(one["version"], one["outcome"]) for one in chain]
    expect(ended, [(1, "APPLIED"), (2, "APPLIED")], "the chain")
    expect(chain[0]["statusAt"] <= chain[1]["statusAt"], True, "version 2 ended after version 1")
    return f"lanes {', '.join(one['lane'] for one in chain)}"


def traced(stack: Stack) -> str:
    """Follow a request to the handler that it has caused."""
    publish(stack, "ITEM", "traced", "--wait")
    names = waited(
        stack,
        lambda: _names(told(stack, "trace", "ITEM/traced", tenant=None)["segments"]),
        lambda found: any("item_list" in one for one in found),
    )
    for part in ("ApiHandleRequestFunction", "CommandSyncDataFunction", "item_list"):
        expect(any(part in one for one in names), True, f"the trace has {part}")
    return f"{len(names)} parts, from the API to item_list"


def _names(segments: list[dict[str, object]]) -> set[str]:
    found = {str(one["name"]) for one in segments}
    for one in segments:
        below = one.get("subsegments", [])
        assert isinstance(below, list)
        found |= _names(below)
    return found


def rolls_back(stack: Stack) -> str:
    """Deploy a handler that always fails, under load: the canary has to take it back."""
    path = stack.project / f"app/{project.NAME}/item.py"
    right = path.read_text(encoding="utf-8")
    project.replace(path, "    row = {", '    raise ValueError("a bad deploy")\n    row = {')
    with ThreadPoolExecutor() as pool:
        deploying = pool.submit(stack.deploy)
        number = 0
        while not deploying.done():
            number += 1
            publish(stack, "ITEM", f"canary{number}")
        refused = deploying.exception()
    path.write_text(right, encoding="utf-8")
    expect(isinstance(refused, project.CommandError), True, "the deploy is rolled back")
    stack.deploy()
    publish(stack, "ITEM", "after-canary", "--wait")
    return f"rolled back under {number} commands"


def reaches_live(stack: Stack) -> str:
    """Set a parameter in template.yaml, deploy, and look behind the aliases."""
    project.keep_history(stack.project, int(KEPT_DAYS))
    stack.deploy()
    expect(_kept(stack, "live"), KEPT_DAYS, "HISTORY_TTL_DAYS behind the alias live")
    expect(_kept(stack, "$LATEST"), KEPT_DAYS, "HISTORY_TTL_DAYS of $LATEST")
    expect(_well(stack)["behind_alias"], [], "functions that doctor finds behind")
    return f"HISTORY_TTL_DAYS is {KEPT_DAYS} for both"


def _kept(stack: Stack, qualifier: str) -> object:
    name = stack.function("CommandSyncDataFunction")
    found = stack.client("lambda").get_function_configuration(
        FunctionName=name, Qualifier=qualifier
    )
    return found["Environment"]["Variables"].get("HISTORY_TTL_DAYS")


def _well(stack: Stack) -> dict[str, list[object]]:
    """Return what doctor finds; it exits 1 if it finds anything."""
    try:
        printed = stack.cli("doctor", "--json")
    except project.CommandError as error:
        printed = error.printed
    found: dict[str, list[object]] = json.loads(printed)
    return found


def may_read_its_table(stack: Stack) -> str:
    """Ask a route of its own, which reads a table of its own by AppPolicy."""
    item = {"tenant": {"S": TENANT}}
    stack.client("dynamodb").put_item(TableName=project.ROOMS, Item=item)
    expect(stack.api(TENANT).get("/rooms/free"), {"tenant": TENANT, "free": True}, "the route")
    return "the table is read with AppPolicy alone"


def imports(stack: Stack) -> str:
    """Import a CSV file by the machine, and an archive of three."""
    job = _imported(stack, _csv(stack, "many", stack.rows), "--mode", "step-function")
    expect(_counted(job), ("COMPLETED", stack.rows, 0), "the file")
    archive = stack.project / "three.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for number in range(ARCHIVED):
            zipped.writestr(f"{number}/rooms.csv", _csv(stack, f"z{number}", 1).read_bytes())
    job = _imported(stack, archive)
    expect(job["status"], "COMPLETED", "the archive")
    rows = [told(stack, "data", "get", "ROOM", f"z{one}-0")["code"] for one in range(ARCHIVED)]
    return f"{stack.rows:,} rows, and an archive with {', '.join(rows)}"


def _csv(stack: Stack, prefix: str, rows: int) -> Path:
    stack.counts["rows"] += rows
    path = stack.project / f"{prefix}.csv"
    lines = (f"{prefix}-{one},Room {one},2\n" for one in range(rows))
    path.write_text("".join(("code,name,beds\n", *lines)), encoding="utf-8")
    return path


def _imported(stack: Stack, path: Path, *words: str) -> dict[str, object]:
    try:
        printed = stack.cli(
            "import",
            "start",
            str(path),
            "--table",
            "rooms",
            *words,
            "--watch",
            "--json",
            tenant=TENANT,
        )
    except project.CommandError as error:  # rows have failed
        printed = error.printed
    found: dict[str, object] = json.loads(printed)
    return found


def _counted(job: dict[str, object]) -> tuple[object, ...]:
    return job["status"], job["created"], job["failed"]


def approved(stack: Stack) -> str:
    """Let another person release an item of 10 KiB, whose attributes lie in S3."""
    text = json.dumps({"text": "x" * LETTERS})
    publish(stack, "NOTE", "large", "--wait", attributes=text)
    asked = stack.cli("approval", "request", "RELEASE", "--subject", "large", tenant=TENANT)
    stack.cli("approve", asked.strip(), tenant=TENANT, user="bob")
    stack.counts["commands"] += 1
    item = waited(
        stack,
        lambda: told(stack, "data", "get", "NOTE", "large")["attributes"],
        lambda found: "released" in found,
    )
    expect((len(item["text"]), item.get("released")), (LETTERS, True), "the released item")
    return "version 2 has its 10 KiB and is released"


def compensates(stack: Stack) -> str:
    """Run a saga to its end, and one that is refused in the middle."""
    expect(_ended(stack, "kept"), "COMPLETED", "the saga")
    expect(_ended(stack, "refused"), "COMPENSATED", "the saga without money")
    return "one is completed, one undone"


def _ended(stack: Stack, which: str) -> object:
    given = json.dumps({"id": which})
    try:
        printed = stack.cli("saga", "start", "trip", given, "--json", tenant=TENANT)
    except project.CommandError as error:  # it is undone, or parked
        printed = error.printed
    return json.loads(printed)["status"]


def is_fair(stack: Stack) -> str:
    """Let two tenants publish as fast as they can while a third publishes once."""
    with ThreadPoolExecutor(len(LOUD)) as pool:
        loud = [pool.submit(_batch, stack, tenant) for tenant in LOUD]
        began = datetime.now(UTC)
        publish(stack, "ITEM", "quiet", "--wait", tenant="quiet")
        seconds = (datetime.now(UTC) - began).total_seconds()
        for one in loud:
            one.result()
    for tenant in LOUD:
        rows = waited(stack, lambda of=tenant: _rows_of(stack, of), lambda n: n == COMMANDS_OF_LOUD)
        expect(rows, COMMANDS_OF_LOUD, f"the rows of {tenant}")
    return f"the quiet tenant's version was applied within {seconds:.1f} s"


def _batch(stack: Stack, tenant: str) -> None:
    path = stack.project / f"{tenant}.jsonl"
    command = {"type": "ITEM", "name": "loud", "attributes": {}}
    lines = (json.dumps({**command, "code": f"l{one}"}) for one in range(COMMANDS_OF_LOUD))
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    stack.counts["commands"] += COMMANDS_OF_LOUD
    stack.cli("publish", "--batch", str(path), tenant=tenant)


def _rows_of(stack: Stack, tenant: str) -> int:
    limit = str(COMMANDS_OF_LOUD * 2)
    words = ("read-model", "show", "item_list", "all", "--limit", limit)
    return len(told(stack, *words, tenant=tenant))


def tells_people(stack: Stack) -> str:
    """Let a version fail, and wait for the digest of failures; on AWS for a page as well."""
    sqs, topic = stack.client("sqs"), stack.output("InformationTopicArn")
    url = _listening(stack, topic)
    publish(stack, "FAILING", "told")
    mails = waited(stack, lambda: _received(sqs, url), lambda found: "ValueError" in found)
    expect("ValueError" in mails, True, "the digest names the failure")
    if isinstance(stack, Account):
        url = _listening(stack, stack.output("AlarmTopicArn"))
        alarm = stack.client("cloudwatch").describe_alarms(AlarmNamePrefix=stack.name)
        name = alarm["MetricAlarms"][0]["AlarmName"]
        stack.client("cloudwatch").set_alarm_state(
            AlarmName=name, StateValue="ALARM", StateReason="acceptance"
        )
        pages = waited(stack, lambda: _received(sqs, url), lambda found: name in found)
        expect(name in pages, True, "the page names the alarm")
    return "the digest has arrived"


def _listening(stack: Stack, topic: str) -> str:
    """Return the URL of a queue that hears what people would."""
    sqs, name = stack.client("sqs"), f"{project.NAME}-{topic.rpartition(':')[2]}"[-80:]
    url = str(sqs.create_queue(QueueName=name)["QueueUrl"])
    asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    arn = asked["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    stack.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return url


def _received(sqs: Any, url: str) -> str:
    got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
    return "".join(one["Body"] for one in got.get("Messages", []))


def restores(stack: Stack) -> str:
    """Restore every table; on this machine in a rehearsal, which does the runbook's steps."""
    if not isinstance(stack, Account):
        project.cli(EXAMPLE, "rehearse", "restore")
        return "the rehearsal has compared every row"
    words = ("restore", f"{stack.name}-r1", "--import", "--json")
    given = json.loads(stack.cli(*words))
    given.pop("moment")
    lines = "".join(f"        {name}: {value}\n" for name, value in given.items())
    project.replace(stack.project / "template.yaml", project.PACKAGE, project.PACKAGE + lines)
    stack.deploy()
    publish(stack, "ITEM", "restored", "--wait")
    expect(_well(stack)["behind_alias"], [], "functions that doctor finds behind")
    return "commands are applied on the restored tables"


def leaves(stack: Stack) -> str:
    """Remove the stack, and tell what stays."""
    assert isinstance(stack, Account)
    return f"stays, and is removed now: {', '.join(stack.remove()) or 'nothing'}"


CHECKS = (
    Check(
        1,
        "deploy, and the quotas of day one",
        deployed,
        "the account's quotas, and how long CloudFormation takes",
    ),
    Check(2, "publish, and read the own write", reads_its_write, "AWS's delays"),
    Check(3, "two versions at once: the second goes on", goes_on, "AWS's streams"),
    Check(
        4,
        "a trace from the API to the handler",
        traced,
        "X-Ray's sampling, and what botocore sends inside Lambda",
    ),
    Check(
        5,
        "a bad handler: canary and rollback",
        rolls_back,
        "CodeDeploy and CloudWatch's alarms; nothing here shifts traffic",
        is_local=False,
    ),
    Check(
        6,
        "a parameter in template.yaml reaches the alias live",
        reaches_live,
        "the hash as SAM CLI computes it in a deploy",
    ),
    Check(
        7,
        "a route with AppPolicy reads an own table",
        may_read_its_table,
        "IAM itself; the local stack reads the same policies",
    ),
    Check(
        8,
        "a CSV file by the machine, an archive of three",
        imports,
        "100,000 rows, and AWS's Distributed Map",
    ),
    Check(9, "an approval of an item of 10 KiB", approved, "Cognito's tokens, and S3"),
    Check(10, "a saga that compensates", compensates, "Step Functions itself"),
    Check(11, "two loud tenants", is_fair, "Lambda's concurrency, and SQS's fair queues"),
    Check(
        12,
        "page and digest arrive",
        tells_people,
        "the page: nothing here evaluates CloudWatch's alarms",
    ),
    Check(
        13,
        "restore, redeploy, doctor",
        restores,
        "DynamoDB's backups, the time of a restore, CloudFormation's import",
    ),
    Check(
        14,
        "an upgrade from the previous release",
        None,
        "it needs a published release, and there is none yet",
        is_local=False,
    ),
    Check(
        15,
        "remove: what stays",
        leaves,
        "CloudFormation's DeletionPolicy; here a stack's data stays by design",
        is_local=False,
    ),
)
