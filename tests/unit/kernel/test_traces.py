"""A place in a trace as W3C's `traceparent` has it: https://www.w3.org/TR/trace-context/."""

import pytest

from sfn_cqrs.kernel.traces import Trace, traceparent_of

DIGITS, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
ROOT = "1-4bf92f35-77b34da6a3ce929d0e0e4736"
GIVEN = f"00-{DIGITS}-{PARENT}-01"


@pytest.mark.parametrize(
    ("given", "is_sampled"),
    [
        (GIVEN, True),
        (f"00-{DIGITS}-{PARENT}-00", False),
        (f"00-{DIGITS}-{PARENT}-03", True),
        (f"00-{DIGITS}-{PARENT}-02", False),
        (f"cc-{DIGITS}-{PARENT}-01-what a later version adds", True),
    ],
)
def test_a_traceparent_names_a_place(given, is_sampled):
    assert Trace.of_traceparent(given) == Trace(ROOT, PARENT, is_sampled)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "no header",
        f"{GIVEN}-more",
        f"{GIVEN}.",
        f"{GIVEN},{GIVEN}",
        f" {GIVEN}",
        f"{GIVEN}\n",
        f"ff-{DIGITS}-{PARENT}-01",
        f"cc-{DIGITS}-{PARENT}-01.more",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{DIGITS}-{'0' * 16}-01",
        f"00-{DIGITS.upper()}-{PARENT}-01",
        f"00-{DIGITS[1:]}-{PARENT}-01",
        f"00-{DIGITS}-{PARENT}-1",
        f"00-{DIGITS}-{PARENT}-zz",
        GIVEN.replace("3", "\N{ARABIC-INDIC DIGIT THREE}"),
    ],
)
def test_what_is_malformed_names_none(given):
    assert Trace.of_traceparent(given) is None


def test_a_place_is_written_in_either_header():
    assert Trace.of_traceparent(GIVEN).header == f"Root={ROOT};Parent={PARENT};Sampled=1"
    assert traceparent_of(f"Root={ROOT};Parent={PARENT};Sampled=1") == GIVEN
    assert traceparent_of(f"Root={ROOT};Parent={PARENT};Sampled=0") == f"{GIVEN[:-2]}00"


@pytest.mark.parametrize("header", ["", "no header", f"Root={ROOT};Sampled=1"])
def test_what_has_no_parent_is_no_traceparent(header):
    assert traceparent_of(header) == ""
