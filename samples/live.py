"""Print an item whenever one of its versions closes: live.py API EVENTS TENANT TYPE CODE [TOKEN].

On this machine `sfn-cqrs up --json` prints the addresses, as http and live; on AWS they are the
outputs HttpApiUrl and LiveEndpoint. A part of the channel that is not of letters, digits and
dashes is hashed: see docs/read-models.md. Needs `pip install websockets urllib3`.
"""

import base64
import json
import sys
import time
from http import HTTPStatus

import urllib3
from urllib3.exceptions import HTTPError
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

api, events, tenant, type_, code, *token = sys.argv[1:]
own = {"Authorization": token[0]} if token else {"x-tenant-code": tenant}
authorization = {"host": events.split("/")[2], **own}
header = base64.urlsafe_b64encode(json.dumps(authorization).encode()).decode().rstrip("=")
realtime = events.replace("http", "ws", 1).replace(".appsync-api.", ".appsync-realtime-api.")
subscribe = {"type": "subscribe", "id": "1", "channel": f"/live/{tenant}/command/{type_}/{code}"}
protocols = ["aws-appsync-event-ws", f"header-{header}"]
seen = 0
while True:  # after each connection it is read anew, so that nothing is missed
    try:
        with connect(f"{realtime}/realtime", subprotocols=protocols) as socket:
            socket.send(json.dumps({**subscribe, "authorization": authorization}))
            for message in map(json.loads, socket):
                if "errors" in message:
                    sys.exit(str(message["errors"]))
                told = json.loads(message.get("event", "{}")).get("content", {})
                if told.get("outcome") == "APPLIED":
                    seen = max(seen, told["version"])  # nothing older is shown from now on
                if message["type"] in ("subscribe_success", "data"):
                    wait = f"?atLeast={seen}&wait=10" if seen else ""
                    found = urllib3.request("GET", f"{api}/data/{type_}/{code}{wait}", headers=own)
                    is_there = found.status == HTTPStatus.OK
                    print(found.data.decode() if is_there else found.status, flush=True)
    except (OSError, HTTPError, WebSocketException):
        time.sleep(1)
