"""List prices of AWS in us-east-1, in dollars, and what a million of something costs by them."""

from collections.abc import Mapping

DOLLARS = {
    "write unit": 0.625e-6,
    "read unit": 0.125e-6,
    "invocation": 0.20e-6,
    "GB-second, arm64": 13.3334e-6,
    "state transition": 25e-6,
    "EXPRESS execution": 1.0e-6,
    "EXPRESS GB-second": 16.67e-6,
    "API request": 1e-6,
    "SNS publish": 0.5e-6,
    "S3 PUT": 5e-6,
}
MILLION = 1_000_000
EXPRESS_GB = 0.0625
"""An EXPRESS execution is billed in steps of 64 MB; ours take one."""


def express(seconds: float) -> float:
    """What an EXPRESS execution costs that lasts so long."""
    return DOLLARS["EXPRESS execution"] + seconds * EXPRESS_GB * DOLLARS["EXPRESS GB-second"]


def million(used: Mapping[str, float]) -> float:
    """Dollars for a million of what uses so much of each."""
    return MILLION * sum(DOLLARS[name] * count for name, count in used.items())
