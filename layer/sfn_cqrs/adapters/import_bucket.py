"""The bucket of imports: the rows that failed, in one part per batch."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfn_cqrs.domain.csv_rows import Problem
from sfn_cqrs.domain.imports import InputRow
from sfn_cqrs.domain.keys import ImportKey

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class FailedRow:
    """A row as the file has it, and why it was not imported."""

    row: InputRow
    problem: Problem


class ImportBucket:
    """Objects of jobs; whoever writes one again writes the same."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        """Speak to one bucket."""
        self._client = client
        self._bucket = bucket

    def put_errors(self, key: ImportKey, first: int, failed: Iterable[FailedRow]) -> None:
        """Keep the failed rows of a batch as JSON Lines."""
        body = "".join(f"{_line(each)}\n" for each in failed)
        self._client.put_object(
            Bucket=self._bucket,
            Key=_errors_key(key, first),
            Body=body.encode(),
            ContentType="application/jsonl",
        )

    def errors(self, key: ImportKey, first: int) -> Iterator[FailedRow]:
        """Read the failed rows of a batch back."""
        answer = self._client.get_object(Bucket=self._bucket, Key=_errors_key(key, first))
        for line in answer["Body"].iter_lines():
            fields = json.loads(line)
            yield FailedRow(
                InputRow(fields["row"], fields["cells"]), Problem(fields["code"], fields["reason"])
            )


def _errors_key(key: ImportKey, first: int) -> str:
    return f"jobs/{key.tenant}/{key.id}/errors/{first:09d}.jsonl"


def _line(failed: FailedRow) -> str:
    return json.dumps(
        {
            "row": failed.row.number,
            "cells": failed.row.cells,
            "code": failed.problem.code,
            "reason": failed.problem.reason,
        },
        ensure_ascii=False,
    )
