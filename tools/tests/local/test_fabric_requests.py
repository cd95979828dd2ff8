"""The fabric's short way gives a request up that is not whole in time; the time is a clock's."""

import json
import subprocess
from pathlib import Path

import pytest

import sfn_cqrs_tools.runtime
from sfn_cqrs_tools.project import CHECKOUT

PYTHON = CHECKOUT / ".venv-fabric" / "bin" / "python"
PROGRAM = """
import asyncio, json, sys
sys.path.insert(0, sys.argv[1])
import fabric_server

now, found = [0.0], {}
TARGET = b"x-amz-target: DynamoDB_20120810.GetItem"
HEAD = b"\\r\\n".join([b"POST / HTTP/1.1", TARGET, b"content-length: 2", b"", b""])

class Connection(asyncio.Transport):
    is_open, said = True, b""
    def abort(self):
        self.is_open = False
    def write(self, data):
        self.said += data

class Guard:
    def refusal(self, *_):
        return None

async def later(seconds):
    now[0] += seconds
    await asyncio.sleep(0)
    await asyncio.sleep(0)

def connected():
    connection = Connection()
    requests = fabric_server.ShortRequests(Guard(), lambda *_: (200, b"{}"), "", None)
    requests.connection_made(connection)
    return requests, connection

async def main():
    requests, connection = connected()
    for byte in HEAD[:29]:
        requests.data_received(bytes([byte]))
        await later(1)
    found["open after 29 seconds"] = connection.is_open
    await later(1)
    found["given up after 30 seconds, however often a byte came"] = not connection.is_open

    requests, connection = connected()
    requests.data_received(HEAD)
    await later(29)
    requests.data_received(b"{}")
    await later(60)
    found["open after a whole request"] = connection.is_open
    found["answered"] = connection.said.endswith(b"{}")
    requests.data_received(HEAD)
    await later(29)
    found["the next request has its own time"] = connection.is_open
    await later(1)
    found["and no more of it"] = not connection.is_open

loop = asyncio.new_event_loop()
loop.time = lambda: now[0]
loop.run_until_complete(main())
print(json.dumps(found))
"""


@pytest.mark.stack
def test_a_request_has_thirty_seconds_to_be_whole() -> None:
    runtime = Path(sfn_cqrs_tools.runtime.__file__).parent

    done = subprocess.run(
        [PYTHON, "-c", PROGRAM, runtime], capture_output=True, text=True, check=False
    )

    assert done.stderr == ""
    assert [what for what, is_so in json.loads(done.stdout).items() if not is_so] == []
