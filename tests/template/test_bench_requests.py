"""A benchmark that is refused says by what, and counts nothing."""

from contextlib import closing

import pytest
from tests.support.benchmarks import benchmark

from sfn_local.http_server import Response, serve


def test_a_refused_request_of_the_fairness_bench_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = {"code": "too_many_requests", "detail": "try again in a second"}
    refuses = serve("127.0.0.1", 0, lambda _: Response.of_json(problem, 429))
    fairness = benchmark("fairness", monkeypatch)

    with closing(refuses), pytest.raises(SystemExit) as refused:
        fairness._create(f"http://127.0.0.1:{refuses.port}", "loud")

    assert str(refused.value) == (
        "POST /tasks of loud was refused: 429 too_many_requests: try again in a second"
    )
