"""An integration that AWS has and this engine has not: its states run in test cases only."""

from sfn_local.document import Document
from sfn_local.errors import RuntimeFailure
from sfn_local.integrations.attempt import Attempt


class UnservedTask:
    """A Resource that nothing here stands for."""

    is_callback = has_token = False

    def __init__(self, resource: str) -> None:
        """The resource that is not served."""
        self._resource = resource

    def start(self, attempt: Attempt, arguments: Document) -> None:  # noqa: ARG002
        """Say what is missing.

        Raises:
            RuntimeFailure: always.
        """
        raise RuntimeFailure(
            f"This engine does not serve the resource {self._resource}; mock the state in a "
            "MockConfigFile.json, which SFN_MOCK_CONFIG names"
        )

    async def finish(self, attempt: Attempt) -> Document:
        """Nothing has started.

        Raises:
            RuntimeFailure: always.
        """
        raise RuntimeFailure(f"{self._resource} was never called by {attempt.visit.state.name}")
