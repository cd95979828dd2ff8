from tests.unit.zip_orchestrator.conftest import hooks, key, upload

__all__ = ["hooks", "key", "upload"]
