"""Types with a model, over the API and everything else that publishes or reads."""

from tests.unit.api.conftest import call, event_of

__all__ = ["call", "event_of"]
