"""Commands that are run to their end."""

import subprocess
from typing import Any


def ran(*command: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command; answers its exit code and what it printed."""
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, check=False, **options)
