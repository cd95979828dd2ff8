"""Runs ministack on an inherited socket, until the process that started it is gone.

The Python of .venv-fabric runs this file by its path; it can import nothing of this package.
Standard input is a pipe that nobody writes to: it ends when its other end dies, however it dies.
"""

import asyncio
import os
import resource
import sys
import threading

from hypercorn.asyncio import serve  # type: ignore[import-not-found]
from hypercorn.config import Config  # type: ignore[import-not-found]


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main(descriptor: str) -> None:
    """Serve on the listening socket `descriptor`."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    from ministack.app import app  # type: ignore[import-not-found]  # noqa: PLC0415 - takes 0.5 s

    config = Config()
    config.bind = [f"fd://{descriptor}"]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    asyncio.run(serve(app, config))


if __name__ == "__main__":
    main(sys.argv[1])
