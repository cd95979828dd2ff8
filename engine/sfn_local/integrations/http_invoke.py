"""`http:invoke`: calls of HTTP APIs on this machine.

Source: Step Functions Developer Guide, "Call HTTPS APIs in Step Functions workflows". Connections
are not looked up: nothing is authenticated, and no other machine is called.
"""

from collections.abc import Callable
from importlib import import_module

from sfn_local.document import Json
from sfn_local.integrations.attempt import Attempt
from sfn_local.integrations.service_task import ServiceTask, missing


class HttpInvoke(ServiceTask):
    """A task that calls ApiEndpoint with Method."""

    def __init__(self) -> None:
        """It has no patterns."""
        super().__init__("http", "invoke")

    def prepare(self, attempt: Attempt, arguments: Json) -> Callable[[], None]:
        """A call on another thread.

        Raises:
            RuntimeFailure: the arguments lack the endpoint or the method.
        """
        given = arguments if isinstance(arguments, dict) else {}
        for name in ("ApiEndpoint", "Method"):
            if not isinstance(given.get(name), str):
                raise missing(name)
        call = import_module("sfn_local.integrations.http_call").call  # urllib is slow to import
        return lambda: attempt.call(lambda: call(given, attempt.visit))
