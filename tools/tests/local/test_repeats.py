"""`check_repeats` finds a handler that a version which comes twice or late makes wrong."""

import pytest

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs_tools.testing.builders import a_command

KEY = ItemKey("tenant1", "PARCEL", "p-1")
VERSIONS = [a_command(KEY, version, attributes={"depot": f"d-{version}"}) for version in (1, 2, 3)]


def newest(command):
    row = {"depot": command.attributes["depot"], "version": command.version}
    bootstrap.read_model("parcels").put_if_newer("tenant1", "all", command.key.code, row)


def counts(command):
    rows = bootstrap.read_model("counts")
    rows.write_all([rows.add("tenant1", "all", "parcels", "count", 1)])
    newest(command)


def latest_word(command):
    """Put whatever comes last, as if versions came once and in order."""
    rows, number = bootstrap.read_model("parcels"), len(seen)
    seen.append(command)
    row = {"depot": command.attributes["depot"], "version": number}
    rows.put_if_newer("tenant1", "all", command.key.code, row)


seen: list = []


def test_a_handler_that_keeps_the_newest_passes(check_repeats):
    check_repeats(newest, VERSIONS)


def test_a_counter_is_found_at_the_first_version_that_comes_again(check_repeats):
    with pytest.raises(AssertionError) as found:
        check_repeats(counts, VERSIONS)

    first, row = str(found.value).splitlines()
    assert first == "version 1 of PARCEL p-1 has come to counts again, and has changed 1 rows:"
    assert row.endswith("parcels: {'count': 3} -> {'count': 4}")


def test_a_late_version_that_replaces_a_newer_one_is_found(check_repeats):
    seen.clear()

    with pytest.raises(AssertionError, match="version 1 of PARCEL p-1 has come to latest_word"):
        check_repeats(latest_word, VERSIONS)
