"""The tags of machines and activities."""

from collections.abc import Callable

from sfn_local.errors import ResourceNotFound, TooManyTags

MOST_TAGS = 50


class Tags:
    """All tags; the engine's lock guards them."""

    def __init__(self, exists: Callable[[str], bool], changed: Callable[[], None]) -> None:
        """None yet; exists says whether a resource does, changed is called after every change."""
        self._exists = exists
        self._changed = changed
        self.by_arn: dict[str, dict[str, str]] = {}

    def of(self, arn: str) -> dict[str, str]:
        """The tags of a resource.

        Raises:
            ResourceNotFound: there is no such machine or activity.
        """
        if not self._exists(arn):
            raise ResourceNotFound(arn)
        return dict(self.by_arn.get(arn, {}))

    def add(self, arn: str, tags: dict[str, str]) -> None:
        """Give a resource tags; those of the same keys are replaced.

        Raises:
            ResourceNotFound: there is no such machine or activity.
            TooManyTags: it would have more than 50.
        """
        merged = {**self.of(arn), **tags}
        if len(merged) > MOST_TAGS:
            raise TooManyTags(arn)
        self.by_arn[arn] = merged
        self._changed()

    def remove(self, arn: str, keys: list[str]) -> None:
        """Take tags away.

        Raises:
            ResourceNotFound: there is no such machine or activity.
        """
        tags = self.of(arn)
        self.by_arn[arn] = {key: tags[key] for key in tags if key not in keys}
        self._changed()
