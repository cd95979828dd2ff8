"""What a function costs when it starts cold: the CPU of its imports, and of a first client.

Each is the best of some new interpreters, with byte-code, without the interpreter's own start.
On Lambda the start has a processor of its own, and makes DynamoDB's client too where a function
needs one. That is botocore's own time, the same for every function, and so has a line apart.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from report import Figure, main

ROOT = Path(__file__).resolve().parents[2]
RUNS = 5
LARGEST_MS = 150
STATE_MS = 90
"""The most that a state of the command machine may take: nine of them start in a row."""
KIB = 1024
_IMPORT = """
import json, os, sys, time
before, began = set(sys.modules), time.process_time()
import runpy
runpy.run_path(sys.argv[1])
spent = time.process_time() - began
modules = [sys.modules[name] for name in set(sys.modules) - before]
specs = [spec for module in modules if (spec := getattr(module, "__spec__", None))]
files = {spec.cached or spec.origin for spec in specs}
sizes = [os.path.getsize(file) for file in files if file and os.path.exists(file)]
print(json.dumps([spent, began, len(modules), sum(sizes)]))
"""
_CLIENT = """
import json, sys, time
began = time.process_time()
import boto3
imported = time.process_time()
for service in sys.argv[1:]:
    boto3.client(service)
print(json.dumps([imported - began, time.process_time() - imported]))
"""
_AWS = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "eu-west-1",
}


def measure() -> list[Figure]:
    """Measure everything."""
    with tempfile.TemporaryDirectory() as byte_code:
        environment = {**os.environ, **_AWS, "PYTHONPYCACHEPREFIX": byte_code}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return [*_functions(environment), *_clients(environment)]


def _functions(environment: dict[str, str]) -> list[Figure]:
    figures = []
    for path in sorted(ROOT.glob("functions/*/*/app.py")):
        spent, start, modules, size = _best(environment, _IMPORT, str(path))
        ratio = f"ms, {spent / start:.1f} × python -c pass"
        figures.append(
            Figure(
                path.parent.relative_to(ROOT / "functions").as_posix(),
                spent * 1000,
                f"{ratio}, {modules} modules, {size // KIB} KiB",
                STATE_MS if path.parts[-3] == "command" else LARGEST_MS,
            )
        )
    largest = max(figures, key=lambda each: each.value)
    return [*figures, Figure(f"largest ({largest.name})", largest.value, "ms", LARGEST_MS, "730")]


def _clients(environment: dict[str, str]) -> list[Figure]:
    imported, dynamodb = _best(environment, _CLIENT, "dynamodb")
    _, with_sns = _best(environment, _CLIENT, "dynamodb", "sns")
    _, with_s3 = _best(environment, _CLIENT, "dynamodb", "s3")
    return [
        Figure("beside it: import boto3", imported * 1000, "ms"),
        Figure("beside it: a first client, DynamoDB's", dynamodb * 1000, "ms"),
        Figure("beside it: SNS's, the second", (with_sns - dynamodb) * 1000, "ms"),
        Figure("beside it: S3's, the second", (with_s3 - dynamodb) * 1000, "ms"),
    ]


def _best(environment: dict[str, str], program: str, *arguments: str) -> list[float]:
    """What the fastest of some new interpreters prints; one before them writes the byte-code."""
    command = [sys.executable, "-c", program, *arguments]
    printed = [
        json.loads(subprocess.check_output(command, cwd=ROOT, env=environment))
        for _ in range(RUNS + 1)
    ]
    best: list[float] = min(printed[1:], key=lambda each: each[0])
    return best


if __name__ == "__main__":
    main("A function that starts cold: the CPU of its imports", measure)
