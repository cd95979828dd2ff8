"""import-csv.asl.json: every path and what its Maps read, on stand-in functions.

The Maps read real files: of moto's S3, by the engine's own readers.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from tests.statemachine.errors import SupersededError

from sfn_local import CachedServices, Engine, VirtualClock
from sfn_local.stubs import NEVER, StubFunctions, by_state

MACHINE = Path(__file__).parents[2] / "statemachine/import-csv.asl.json"
KEYS = {"id": "c-01KAXK3V9Q0M3W8C5R6T7Y8Z9A", "tenant": "acme"}
WIDTH = {"concurrency": 50, "rows": 100}
BUCKET, PREFIX = "imports", f"jobs/acme/{KEYS['id']}/results"
COMPLETED, FAILED, FAULT = ({"result": each} for each in ("COMPLETED", "FAILED", "FAULT"))
CHILDREN = {"native": "csv_rows_handler", "jsonl": "csv_rows_handler_jsonl"}
MAPS = {"native": "import_csv", "jsonl": "import_jsonl"}
Payload = dict[str, Any]


class Run:
    """An execution, with what its functions were called with."""

    def __init__(self, s3: Any, stubs: Payload) -> None:
        definition = by_state(json.loads(MACHINE.read_text(encoding="utf-8")), frozenset())
        self.functions = StubFunctions(stubs)
        self.engine = Engine(
            functions=self.functions, clock=VirtualClock(), services=CachedServices(lambda _: s3)
        )
        machine = self.engine.create_state_machine("import-csv", definition)
        self.arn = self.engine.start_execution(machine, "test", json.dumps(KEYS))
        self.engine.run_until_waiting()
        assert self.functions.complaints == []

    @property
    def described(self) -> Payload:
        return self.engine.describe_execution(self.arn)

    @property
    def status(self) -> str:
        return str(self.described["status"])

    @property
    def path(self) -> list[str]:
        entered = [each.get("stateEnteredEventDetails") for each in self.engine.history(self.arn)]
        return [details["name"] for details in entered if details]

    @property
    def seconds(self) -> float:
        described = self.described
        return float((described["stopDate"] - described["startDate"]).total_seconds())

    def calls(self, state: str) -> list[Payload]:
        return self.functions.payloads.get(state, [])

    def advance(self, seconds: float) -> None:
        self.engine.run_for(seconds)
        self.engine.run_until_waiting()

    def redrive(self) -> None:
        self.engine.redrive_execution(self.arn)
        self.engine.run_until_waiting()

    def map_run(self) -> Payload:
        (run,) = self.engine.list_map_runs(self.arn)
        return dict(self.engine.describe_map_run(run["mapRunArn"]))


RunImport = Callable[..., Run]


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    with mock_aws():
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        client = boto3.client("s3", region_name="us-east-1", **keys)  # type: ignore[arg-type]
        client.create_bucket(Bucket=BUCKET)
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield client


@pytest.fixture
def import_file(s3: Any) -> RunImport:
    """Return a way to run the machine on a file with so many rows."""

    def run(
        rows: int = 3, reader: str = "native", width: int = 1, batch: int = 100, **stubs: Any
    ) -> Run:
        cells = [f"{number:0{width}d}" for number in range(rows)]
        if reader == "jsonl":
            lines = [json.dumps({"row": n + 2, "cells": [cell]}) for n, cell in enumerate(cells)]
        else:
            lines = ["id", *cells]
        body = "".join(f"{line}\n" for line in lines).encode()
        version = s3.put_object(Bucket=BUCKET, Key="file", Body=body)["VersionId"]
        s3.put_object(Bucket=BUCKET, Key="file", Body=b"another\n")
        source = {"bucket": BUCKET, "key": "file", "versionId": version}
        loaded = {"result": reader, **KEYS, "source": source, "results": PREFIX, **WIDTH}
        loaded["rows"] = batch
        child = {"result": 100}
        return Run(
            s3,
            {
                "csv_loader": loaded,
                "csv_rows_handler": child,
                "csv_rows_handler_jsonl": child,
                "finalize_parent_job": COMPLETED,
                **stubs,
            },
        )

    return run


@pytest.mark.parametrize("reader", ["native", "jsonl"])
def test_a_file_is_loaded_its_rows_are_applied_and_the_job_ends(
    import_file: RunImport, reader: str
) -> None:
    run = import_file(reader=reader)

    assert run.path == [
        "csv_loader",
        "choose_reader",
        MAPS[reader],
        "finalize_parent_job",
        "outcome",
        "success",
    ]
    assert (run.status, json.loads(run.described["output"])) == ("SUCCEEDED", COMPLETED)


def test_a_file_without_rows_and_a_bad_one_run_no_map(import_file: RunImport) -> None:
    run = import_file(csv_loader={"result": "none"})

    assert run.path == [
        "csv_loader",
        "choose_reader",
        "finalize_parent_job",
        "outcome",
        "success",
    ]
    assert run.calls("finalize_parent_job")[0]["input"] == {"result": "none"}


@pytest.mark.parametrize(
    ("result", "end", "status"),
    [
        ("COMPLETED", "success", "SUCCEEDED"),
        ("CANCELLED", "success", "SUCCEEDED"),
        ("FAILED", "success", "SUCCEEDED"),
        ("FAULT", "fail", "FAILED"),
    ],
)
def test_the_execution_fails_where_the_import_is_broken_and_not_where_rows_are(
    import_file: RunImport, result: str, end: str, status: str
) -> None:
    run = import_file(finalize_parent_job={"result": result})

    assert (run.path[-1], run.status) == (end, status)


def test_an_import_that_is_broken_names_where_to_look(import_file: RunImport) -> None:
    run = import_file(finalize_parent_job=FAULT)

    assert run.described["error"] == "ImportFailed"
    assert "the job's error says how" in run.described["cause"]


def test_a_batch_is_what_aws_reads_with_its_index_and_the_keys_of_the_job(
    import_file: RunImport,
) -> None:
    (payload,) = import_file().calls("csv_rows_handler")

    assert payload["source"] == "step-function"
    assert payload["input"] == [{"index": n, "value": {"id": str(n)}} for n in range(3)]
    assert payload["context"]["Execution"]["Input"] == KEYS
    assert payload["context"]["State"]["RetryCount"] == 0
    assert payload["context"]["State"]["Name"] == "csv_rows_handler"


def test_a_rewritten_row_comes_with_its_number(import_file: RunImport) -> None:
    (payload,) = import_file(reader="jsonl").calls("csv_rows_handler_jsonl")

    assert payload["input"][2] == {"index": 2, "value": {"row": 4, "cells": ["2"]}}


def test_rows_come_by_the_hundred(import_file: RunImport) -> None:
    batches = import_file(rows=250).calls("csv_rows_handler")

    assert [(each["input"][0]["index"], len(each["input"])) for each in batches] == [
        (0, 100),
        (100, 100),
        (200, 50),
    ]


@pytest.mark.parametrize("reader", ["native", "jsonl"])
def test_or_as_many_as_the_loader_says(import_file: RunImport, reader: str) -> None:
    batches = import_file(reader=reader, batch=2).calls(CHILDREN[reader])

    assert [len(each["input"]) for each in batches] == [2, 1]


def test_large_rows_come_in_smaller_batches_that_pass_twice(import_file: RunImport) -> None:
    batches = import_file(rows=30, width=20_000).calls("csv_rows_handler")

    assert sum(len(each["input"]) for each in batches) == 30
    assert max(len(json.dumps(each["input"])) for each in batches) <= 120_000
    assert max(len(json.dumps(each)) for each in batches) * 2 < 262_144


def test_fifty_batches_run_at_a_time(import_file: RunImport) -> None:
    run = import_file(rows=6_000, csv_rows_handler=NEVER)

    assert len(run.calls("csv_rows_handler")) == 50


def test_a_loader_that_fails_leads_to_the_end_of_the_job(import_file: RunImport) -> None:
    run = import_file(csv_loader=ValueError("no such table"), finalize_parent_job=FAULT)

    assert run.path == ["csv_loader", "finalize_parent_job", "outcome", "fail"]
    caught = run.calls("finalize_parent_job")[0]["input"]
    assert (caught["Error"], json.loads(caught["Cause"])["errorMessage"]) == (
        "ValueError",
        "no such table",
    )


@pytest.mark.parametrize("reader", ["native", "jsonl"])
def test_batches_that_fail_do_not_keep_the_others_from_running(
    import_file: RunImport, reader: str
) -> None:
    def apply(payload: Payload) -> Payload:
        if payload["input"][0]["index"] == 100:
            raise SupersededError("the job has ended without it")
        return {"result": len(payload["input"])}

    run = import_file(rows=400, reader=reader, **{CHILDREN[reader]: apply})

    assert len(run.calls(CHILDREN[reader])) == 4
    assert run.path[2:4] == [MAPS[reader], "finalize_parent_job"]
    counts = run.map_run()["itemCounts"]
    assert (counts["succeeded"], counts["failed"]) == (300, 100)


def test_the_job_ends_even_if_every_batch_fails(import_file: RunImport) -> None:
    run = import_file(rows=300, csv_rows_handler=SupersededError, finalize_parent_job=FAILED)

    assert run.path[-3:] == ["finalize_parent_job", "outcome", "success"]
    assert run.map_run()["status"] == "SUCCEEDED"


@pytest.mark.parametrize("reader", ["native", "jsonl"])
def test_a_file_that_cannot_be_read_leads_to_the_end_of_the_job(
    import_file: RunImport, reader: str
) -> None:
    source = {"bucket": BUCKET, "key": "gone", "versionId": "1"}
    loaded = {"result": reader, **KEYS, "source": source, "results": PREFIX, **WIDTH}
    run = import_file(csv_loader=loaded, finalize_parent_job=FAULT)

    assert run.path[2:] == [MAPS[reader], "finalize_parent_job", "outcome", "fail"]
    assert run.calls("finalize_parent_job")[0]["input"]["Error"] == "States.ItemReaderFailed"


def test_a_map_that_fails_half_way_leads_to_the_end_of_the_job(
    import_file: RunImport, s3: Any
) -> None:
    lines = [json.dumps({"row": n + 2, "cells": ["1"]}) for n in range(2_500)]
    body = "\n".join([*lines, "{ no JSON", *lines]).encode()
    version = s3.put_object(Bucket=BUCKET, Key="torn", Body=body)["VersionId"]
    source = {"bucket": BUCKET, "key": "torn", "versionId": version}
    loaded = {"result": "jsonl", **KEYS, "source": source, "results": PREFIX, **WIDTH}
    run = import_file(csv_loader=loaded, finalize_parent_job=FAULT)

    assert 0 < len(run.calls("csv_rows_handler_jsonl")) <= 25
    assert run.path[-3:] == ["finalize_parent_job", "outcome", "fail"]
    assert run.calls("finalize_parent_job")[0]["input"]["Error"] == "States.ItemReaderFailed"


def test_a_map_is_not_tried_again(import_file: RunImport) -> None:
    """Another Map Run would cut the rows into other batches."""
    source = {"bucket": BUCKET, "key": "gone", "versionId": "1"}
    loaded = {"result": "native", **KEYS, "source": source, "results": PREFIX, **WIDTH}
    run = import_file(csv_loader=loaded, finalize_parent_job=FAULT)

    assert len(run.engine.list_map_runs(run.arn)) == 1
    assert run.seconds == 0


def test_what_the_map_answers_is_where_its_results_lie(import_file: RunImport, s3: Any) -> None:
    run = import_file(rows=250)
    told = run.calls("finalize_parent_job")[0]["input"]
    manifest = told["map"]["ResultWriterDetails"]

    assert manifest["Key"].startswith(f"{PREFIX}/")
    listed = json.loads(s3.get_object(Bucket=BUCKET, Key=manifest["Key"])["Body"].read())
    (file,) = listed["ResultFiles"]["SUCCEEDED"]
    lines = s3.get_object(Bucket=BUCKET, Key=file["Key"])["Body"].read().splitlines()
    assert [json.loads(line) for line in lines] == [{"result": 100}] * 3


def test_the_states_carry_keys_and_never_a_row(import_file: RunImport) -> None:
    run = import_file(rows=5_000)

    for event in run.engine.history(run.arn):
        assert len(json.dumps(event, default=str)) < 4_000


def test_a_redrive_does_not_run_the_batches_again(import_file: RunImport) -> None:
    run = import_file(rows=300, finalize_parent_job=[SupersededError, COMPLETED])
    batches = len(run.calls("csv_rows_handler"))
    run.redrive()

    assert run.status == "FAILED"
    assert len(run.calls("csv_rows_handler")) == batches == 3


def test_a_redrive_of_an_execution_that_was_stopped_runs_no_batch_again_that_is_done(
    import_file: RunImport,
) -> None:
    stuck = [{"result": 100}, NEVER, *[{"result": 100}] * 9]
    run = import_file(rows=300, csv_rows_handler=stuck)
    assert run.status == "RUNNING"
    run.engine.stop_execution(run.arn)
    done = [each["input"][0]["index"] for each in run.calls("csv_rows_handler")]
    run.redrive()

    again = [each["input"][0]["index"] for each in run.calls("csv_rows_handler")[len(done) :]]
    assert sorted(done) == [0, 100, 200]
    assert set(again) <= {100}
    assert (run.path[-1], run.status) == ("success", "SUCCEEDED")
