"""Who may do what: clients of the HTTP API, and what a declaration lets them do."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Client:
    """Whoever asks from outside, as AWS has verified: by a token, or by IAM (`is_machine`)."""

    groups: frozenset[str] = frozenset()
    is_machine: bool = False
