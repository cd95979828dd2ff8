#!/usr/bin/env python3
"""`aws SERVICE OPERATION --option value …`, said with boto3: for where it is not installed.

As the command line does, it takes region and credentials from the environment alone.
"""

import json
import sys
from pathlib import Path

import boto3


def main(service: str, operation: str, *words: str) -> None:
    """Call the operation, and print its answer as JSON."""
    given = dict(zip(words[::2], map(_value, words[1::2]), strict=True))
    client = boto3.client(service, endpoint_url=given.pop("--endpoint-url", None))
    arguments = {_name(option): value for option, value in given.items()}
    answer = getattr(client, operation.replace("-", "_"))(**arguments)
    answer.pop("ResponseMetadata")
    print(json.dumps(answer, indent=4, default=str))


def _name(option: str) -> str:
    name, *more = option.removeprefix("--").split("-")
    return name + "".join(map(str.capitalize, more))


def _value(said: str) -> str:
    path = said.removeprefix("file://")
    return said if path == said else Path(path).read_text(encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
