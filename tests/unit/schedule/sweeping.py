"""What the tests of sweeps share."""

import json
from dataclasses import dataclass

from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.keys import ImportKey
from sfn_cqrs.machines.import_csv.job import Job, Loaded, Reader, Source

OLD = "2026-11-25T11:00:00.000Z"  # an hour ago
NOW = "2026-11-25T12:00:00.000Z"
NOON = 1795608000
IMPORT = ImportKey("tenant1", "01KAXK3V9Q0M3W8C5R6T7Y8Z9A")
SOURCE = Source("imports", "uploads/tenant1/1/a.csv", "1")
COLUMNS = ("icao", "name", "country", "lat", "lon", "tz")
LOADED = Loaded(3, COLUMNS, COLUMNS, Reader.NATIVE, SOURCE)


@dataclass
class Context:
    """A Lambda context whose time runs out after some questions."""

    questions: int = 1_000

    def get_remaining_time_in_millis(self):
        self.questions -= 1
        return 60_000 if self.questions >= 0 else 19_999


def measured(capsys, metric):
    """What the embedded metric format prints of a metric, each with its dimensions."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    return [line for line in lines if metric in line]


def dimensions(line):
    """The names of the dimensions that a measured value has."""
    return line["_aws"]["CloudWatchMetrics"][0]["Dimensions"]


def ages(capsys, metric):
    """The values that the embedded metric format prints of the whole stack."""
    lines = measured(capsys, metric)
    return [line[metric][0] for line in lines if dimensions(line) == [["service"]]]


def seed_import(world, **changes):
    """A job that was made an hour ago."""
    fields = {"key": IMPORT, "table": "airports", "source": SOURCE, "by": Audit(OLD)}
    world.import_jobs.create(Job(**{**fields, **changes}))
    world.import_bucket.put(SOURCE.key, b"icao,name,country,lat,lon,tz\nA\nB\nC\n")
