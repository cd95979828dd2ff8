"""What ministack is spared changes no answer."""

import json
import subprocess
from pathlib import Path

import pytest

import sfn_cqrs_tools.runtime
from sfn_cqrs_tools.project import CHECKOUT

PYTHON = CHECKOUT / ".venv-fabric" / "bin" / "python"
PROGRAM = """
import json, sys, threading, urllib.error, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
sys.path.insert(0, sys.argv[1])
from ministack.core.concurrency import esm_wake
from ministack.services import dynamodb, lambda_svc
import fabric_thrift

EXPRESSIONS = ("a = :a AND begins_with(b, :b)", "a = :a OR", "= :a", "#n[1].b <> :a")

def read():
    read, error = dynamodb._tokenize, dynamodb._condition_syntax_error
    return [(read(one), error(one, "X")) for one in EXPRESSIONS]

plain = read()
fabric_thrift.teach()
found = {"expressions": read() == plain}
dynamodb._tokenize(EXPRESSIONS[0]).clear()
found["tokens of one request are its own"] = read() == plain

value = {"a": [{"S": "x"}, 1, None, True], "b": {"c": {}}, "d": bytearray(b"x")}
copied = dynamodb.copy.deepcopy(value)
found["copies"] = copied == value
copied["a"][0]["S"] = copied["b"]["c"]["e"] = "y"
copied["d"].append(1)
found["copies are of their own"] = value == {
    "a": [{"S": "x"}, 1, None, True], "b": {"c": {}}, "d": bytearray(b"x")}

esm_wake.clear()
waiting = threading.Thread(target=esm_wake.wait, daemon=True)
waiting.start()
esm_wake.set()
esm_wake.set()
waiting.join(10)
found["wakes"] = not waiting.is_alive() and esm_wake.is_set()

connections, statuses = set(), []
class Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_):
        pass
    def do_POST(self):
        connections.add(self.client_address)
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(statuses.pop() if statuses else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_address[1]}/forward/f"

def invoked(url=url):
    func = {"config": {"FunctionName": "f", "Timeout": 5}}
    return lambda_svc._execute_function_proxy(func, {"n": 1}, url, "r")

found["answers"] = [invoked() for _ in range(3)] == [{"body": {"n": 1}}] * 3
found["one connection"] = len(connections) == 1
statuses.append(500)
failed = invoked()
found["an error"] = failed["error"] and "500" in failed["body"]["errorMessage"]
found["the connection goes on"] = invoked() == {"body": {"n": 1}} and len(connections) == 1
server.shutdown()
server.server_close()
gone = invoked("http://127.0.0.1:9/forward/f")
found["nobody there"] = gone["error"] and "unreachable" in gone["body"]["errorMessage"]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found():
    beside = str(Path(sfn_cqrs_tools.runtime.__file__).parent)
    answer = subprocess.check_output([PYTHON, "-c", PROGRAM, beside])
    return json.loads(answer.splitlines()[-1])


def test_all_is_as_without_it(found):
    assert [name for name, holds in found.items() if not holds] == []
    assert len(found) == 10
