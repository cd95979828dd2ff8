"""Print an item whenever one of its versions closes: live.py API EVENTS TENANT TYPE CODE [TOKEN].

On this machine `sfn-cqrs up --json` prints the addresses, as http and live; on AWS they are the
outputs HttpApiUrl and LiveEndpoint. A part of the channel that is not of letters, digits and
dashes is hashed: see docs/read-models.md. Needs `pip install websockets`.
"""

import base64
import json
import sys
import time
import urllib.error
import urllib.request

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

api, events, tenant, type_, code, *token = sys.argv[1:]
own = {"Authorization": token[0]} if token else {"x-tenant-code": tenant}
authorization = {"host": events.split("/")[2], **own}
realtime = events.replace("http", "ws", 1).replace(".appsync-api.", ".appsync-realtime-api.")
header = base64.urlsafe_b64encode(json.dumps(authorization).encode()).decode().rstrip("=")
protocols = ["aws-appsync-event-ws", f"header-{header}"]
channel = f"/live/{tenant}/command/{type_}/{code}"
seen = 0


def show() -> None:
    """Print the item, never older than it was told of; 404: it is not there yet."""
    wait = f"?atLeast={seen}&wait=10" if seen else ""
    request = urllib.request.Request(f"{api}/data/{type_}/{code}{wait}", headers=own)
    try:
        with urllib.request.urlopen(request) as answer:
            print(answer.read().decode(), flush=True)
    except urllib.error.HTTPError as error:
        print(error.code, flush=True)


while True:
    try:
        with connect(f"{realtime}/realtime", subprotocols=protocols) as socket:
            subscribe = {"type": "subscribe", "id": "1", "channel": channel}
            socket.send(json.dumps({**subscribe, "authorization": authorization}))
            for message in map(json.loads, socket):
                if "errors" in message:
                    sys.exit(str(message["errors"]))
                if message["type"] == "data":
                    content = json.loads(message["event"])["content"]
                    applied = content["version"] if content["outcome"] == "APPLIED" else 0
                    seen = max(seen, applied)
                if message["type"] in ("subscribe_success", "data"):
                    show()  # after each connection, too: so nothing is missed
    except (OSError, WebSocketException):
        time.sleep(1)
