"""Which protocol the services of a stack speak; to ask botocore takes the fabric 0.2 s."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

PROTOCOLS: Final = {
    "cloudformation": {"protocol": "query"},
    "dynamodb": {"protocol": "json", "jsonVersion": "1.0"},
    "events": {"protocol": "json", "jsonVersion": "1.1"},
    "iam": {"protocol": "query"},
    "lambda": {"protocol": "rest-json"},
    "logs": {"protocol": "json", "jsonVersion": "1.1"},
    "s3": {"protocol": "rest-xml"},
    "sns": {"protocol": "query"},
    "sqs": {"protocol": "json", "jsonVersion": "1.0"},
    "sts": {"protocol": "query"},
}


@dataclass(frozen=True)
class Model:
    """The parts of botocore's model of a service that ministack reads."""

    metadata: dict[str, str]


def knowing(ask: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a function that asks botocore only about other services."""
    known = {name: Model(said) for name, said in PROTOCOLS.items()}

    def model(service: str) -> Any:
        return known[service] if service in known else ask(service)

    return model
