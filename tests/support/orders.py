"""An order of the example that is published, and that its handler fails for."""

from typing import Any

NOWHERE: dict[str, Any] = {"customer": "ada", "country": "XX"}
"""No warehouse sends to this country."""
REGION = '"region": REGIONS[order.country],'
"""The line that fails."""
