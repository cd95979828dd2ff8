"""Map Runs."""

from typing import Any

from sfn_local.engine.core import Core


class MapRunApi(Core):
    """The operations on Map Runs."""

    def describe_map_run(self, arn: str) -> dict[str, Any]:
        """The answer of DescribeMapRun.

        Raises:
            ResourceNotFound: there is no such Map Run.
        """
        with self._lock:
            return self._map_run(arn).describe()

    def list_map_runs(self, execution_arn: str) -> list[dict[str, Any]]:
        """The entries of ListMapRuns, the newest first.

        Raises:
            ExecutionDoesNotExist: there is no such execution.
        """
        with self._lock:
            self._execution(execution_arn)
            return [run.summary() for run in self._map_runs.of_execution(execution_arn)]

    def list_children(
        self, map_run_arn: str, status: str | None = None, redriven: str | None = None
    ) -> list[dict[str, Any]]:
        """The entries of ListExecutions for the latest children of a Map Run, newest first.

        Redriven is REDRIVEN or NOT_REDRIVEN where only those are wanted.

        Raises:
            ResourceNotFound: there is no such Map Run.
        """
        with self._lock:
            children = [child.summary() for child in self._map_run(map_run_arn).listed()]
        return [
            child
            for child in reversed(children)
            if status in (None, child["status"])
            and redriven in (None, "REDRIVEN" if child["redriveCount"] else "NOT_REDRIVEN")
        ]

    def update_map_run(
        self,
        arn: str,
        most_at_once: int | None = None,
        tolerated_count: int | None = None,
        tolerated_percentage: float | None = None,
    ) -> None:
        """Change the limits of a Map Run on its way; None leaves one as it is.

        Raises:
            ResourceNotFound: there is no such Map Run.
            ValidationException: the Map Run has ended.
        """
        with self._lock:
            self._map_run(arn).update(most_at_once, tolerated_count, tolerated_percentage)
