"""How long closed versions are kept."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Retention:
    """Days per type, and for all other types; none means for ever."""

    default: int | None = None
    by_type: dict[str, int] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> "Retention":
        """Read a template parameter: empty, `90`, or `OFFER=30,AIRPORT=365` (both may be mixed).

        Raises:
            ValueError: a number of days is none, or not positive.
        """
        default: int | None = None
        by_type: dict[str, int] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            type_, separator, days = part.rpartition("=")
            if not days.isdecimal() or int(days) == 0 or (separator and not type_):
                raise ValueError(
                    f"{part!r} is not a number of days; write 90 or OFFER=30,AIRPORT=365"
                )
            if type_:
                by_type[type_] = int(days)
            else:
                default = int(days)
        return cls(default, by_type)

    def expiry(self, type_: str, now: datetime) -> int | None:
        """The ttl of an item of this type that closes now, in epoch seconds."""
        days = self.by_type.get(type_, self.default)
        return None if days is None else int((now + timedelta(days=days)).timestamp())
