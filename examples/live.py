"""Print an item whenever one of its versions closes: live.py API EVENTS TENANT TYPE CODE [TOKEN].

On this machine `sfn-cqrs up --json` prints the addresses, as http and live; on AWS they are the
outputs HttpApiUrl and LiveEndpoint. A part of the channel that is not of letters, digits and
dashes is hashed: see docs/live-updates.md. Needs `pip install websockets urllib3`.
"""

import base64
import json
import sys
import time
from contextlib import suppress

import urllib3
from urllib3.exceptions import HTTPError
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

api, events, tenant, type_, code, *token = sys.argv[1:]
own = {"Authorization": token[0]} if token else {"x-tenant-code": tenant}
who = {"host": events.split("/")[2], **own}
encoded = base64.urlsafe_b64encode(json.dumps(who).encode()).decode().rstrip("=")
auth = ["aws-appsync-event-ws", f"header-{encoded}"]
url = f"{events.replace('http', 'ws', 1)}/realtime".replace("appsync-api", "appsync-realtime-api")
subscribe = {"type": "subscribe", "id": "1", "channel": f"/live/{tenant}/command/{type_}/{code}"}
seen = 1  # the highest version that is known to be applied: nothing older is shown from then on
while True:  # after each connection the item is read anew, so that nothing is missed
    with suppress(OSError, HTTPError, WebSocketException), connect(url, subprotocols=auth) as live:
        live.send(json.dumps({**subscribe, "authorization": who}))
        for message in map(json.loads, live):
            if "errors" in message:
                sys.exit(str(message["errors"]))
            told = json.loads(message.get("event", "{}")).get("content", {})
            seen = max(seen, told["version"] if told.get("outcome") == "APPLIED" else 1)
            if message["type"] in ("subscribe_success", "data"):
                item = f"{api}/data/{type_}/{code}?atLeast={seen}&wait=10"
                print(urllib3.request("GET", item, headers=own).data.decode(), flush=True)
    time.sleep(1)
