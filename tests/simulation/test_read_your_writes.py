"""A client that publishes and reads with atLeast never sees an older version than its own."""

import pytest
from tests.support.fake_system import FakeSystem
from tests.support.system import silent

READER = "ApiHandleRequestFunction"
VERSIONS = 4
DISORDER = {"shuffles": True, "duplicates": 0.3, "replays": 0.3}


def published_and_read(system: FakeSystem, code: str, seen: list[tuple[int, int, int]]) -> None:
    """Publish versions, each on whatever is latest, and read each as soon as it is accepted."""
    for number in range(VERSIONS):
        body = {
            "type": "AIRPORT",
            "code": code,
            "name": f"{number}",
            "version": -1,
            "attributes": {"country": "JP", "city": f"{code} {number} {len(seen)}"},
        }
        status, answer = system.api("POST", "/commands", body)
        assert status in (200, 202), answer
        version = answer["version"]
        status = 202
        while status == 202:
            query = f"atLeast={version}&wait=5"
            status, row = system.api("GET", f"/data/AIRPORT/{code}", query=query)
        assert status == 200, row
        seen.append((version, row["version"], int(row["name"])))


@pytest.mark.parametrize("seed", range(4))
def test_whoever_publishes_reads_that_version_or_a_later_one(seed):
    seen: list[tuple[int, int, int]] = []
    with silent(), FakeSystem(seed, disorder=DISORDER) as system:
        for code in ("NRT", "NRT", "HND"):
            system.spawn(lambda code=code: published_and_read(system, code, seen))
        system.run()

    assert len(seen) == 3 * VERSIONS
    assert [read for published, read, _ in seen if read < published] == []
