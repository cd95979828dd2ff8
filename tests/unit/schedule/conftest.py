import pytest


@pytest.fixture(autouse=True)
def _metrics(monkeypatch):
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "sfn-cqrs")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "sfn-cqrs")
