"""Webhooks that a handler of notices sends, to a receiver with a certificate of its own."""

import json
import logging
import socket
import ssl
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from functions.queue.on_notification.app import lambda_handler
from standardwebhooks import WebhookVerificationError
from tests.unit.webhooks.receiver import hear

from sfn_cqrs.errors import WebhookNotTakenError, WebhookTargetError
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.notices import send_webhook
from sfn_cqrs.webhooks import sending

NEW = "whsec_bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldw=="
OLD = "whsec_b2xkLW9sZC1vbGQtb2xkLW9sZC1vbGQtb2xkLW9sZA=="
HOST = "shop.example.org"
URL = f"https://{HOST}/hooks?of=stack"
NOT_USED = (
    *("content_commitment", "key_encipherment", "data_encipherment"),
    *("key_agreement", "encipher_only", "decipher_only"),
)
TRACE = "0af7651916cd43dd8448eb211c80319c"
PUBLIC = "93.184.216.34"


class Receiver(HTTPServer):
    """Notes what it gets, and answers as it is told."""

    def __init__(self, certificate):
        super().__init__(("127.0.0.1", 0), _Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.got, self.status, self.pieces = [], 204, None

    def handle_error(self, *_):
        """Say nothing: a client that refuses the certificate is part of a test."""


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.got.append((self.path, headers, body))
        if self.server.pieces is not None:
            self._be_slow()
            return
        self.send_response(self.server.status)
        self.send_header("Location", "https://169.254.169.254/latest")
        self.end_headers()

    def _be_slow(self):
        """Send a status line piece by piece, each sooner than a socket waits for."""
        with suppress(OSError):
            for piece in b"HTTP/1.1 200 " + 100 * b"-":
                self.wfile.write(bytes([piece]))
                self.server.pieces.append(piece)
                threading.Event().wait(0.03)

    def log_message(self, *_):
        """Say nothing."""


def certificate_of(host, folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    public, signs = key.public_key(), dict.fromkeys(NOT_USED, False)
    usage = x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, **signs)
    made = (
        x509.CertificateBuilder(name, name, public, x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(usage, critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = folder / f"{host}.pem"
    path.write_bytes(key.private_bytes(pem, form, plain) + made.public_bytes(pem))
    return path


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return certificate_of(HOST, tmp_path_factory.mktemp("tls"))


@pytest.fixture
def receiver(certificate, monkeypatch):
    """A receiver at a public address, which is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Receiver(certificate) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def dns(monkeypatch):
    """What each look-up of a name answers, in turn; the last one for ever."""
    answers = [[PUBLIC]]

    def look_up(_host, port, **_):
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(0, 0, 0, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return answers


@pytest.fixture
def connected(receiver, monkeypatch):
    """The addresses that were connected to; the public one leads to the receiver."""
    addresses = []

    def connect(address, timeout):
        addresses.append(address[0])
        made = socket.socket()
        made.settimeout(timeout)
        made.connect(receiver.server_address if address[0] == PUBLIC else address)
        return made

    monkeypatch.setattr(socket, "create_connection", connect)
    return addresses


@pytest.fixture
def notice(sample):
    return json.loads(json.loads(sample("queue/on_notification")["Records"][0]["body"])["Message"])


@pytest.fixture
def sends(dns, connected, notice):  # noqa: ARG001 - both stand in for the network
    def send(to=URL, secrets=NEW):
        return send_webhook(notice, to=to, secrets=secrets)

    return send


def test_the_library_verifies_it_and_it_has_no_key_of_a_table(sends, receiver, notice):
    sent = sends()

    [(path, headers, body)] = receiver.got
    assert path == "/hooks?of=stack"
    assert hear(NEW, body, headers, set()) == f"command-status of {notice['id']}"
    assert json.loads(body)["data"].keys() == {"id", "tenant", "content"}
    assert headers["webhook-id"] == sent
    assert headers["host"] == HOST


def test_a_notice_that_is_delivered_again_has_the_same_id_and_another_one_has_not(
    sends, receiver, notice
):
    first, again = sends(), sends()
    notice["content"]["attempt"] = 2
    other = sends()

    assert first == again != other
    seen = set()
    assert [hear(NEW, body, headers, seen) for _, headers, body in receiver.got] == [
        f"command-status of {notice['id']}",
        "known",
        f"command-status of {notice['id']}",
    ]


def test_while_a_secret_is_changed_both_verify_it(sends, receiver):
    sends(secrets=[NEW, OLD])

    [(_, headers, body)] = receiver.got
    assert hear(NEW, body, headers, set()) == hear(OLD, body, headers, set())
    with pytest.raises(WebhookVerificationError):
        hear(NEW.replace("bmV3", "b25l"), body, headers, set())


@pytest.mark.parametrize("secret", ["", "bmV3", "whsec_bmV3", f"whsec_{'A' * 88}", "whsec_ä", []])
def test_a_secret_that_is_none_is_refused_and_not_quoted(sends, receiver, secret):
    with pytest.raises(ValueError, match=r"a webhook needs|a secret of a webhook") as refused:
        sends(secrets=secret)

    assert not secret or secret not in str(refused.value)
    assert receiver.got == []


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.8"],
        ["169.254.169.254"],
        ["100.64.0.1"],
        ["224.0.0.1"],
        ["0.0.0.0"],
        ["::1"],
        ["fd00:ec2::254"],
        ["fe80::1%eth0"],
        ["::ffff:169.254.169.254"],
        ["::ffff:93.184.216.34"],
        ["64:ff9b::a9fe:a9fe"],
        ["2002:a9fe:a9fe::1"],
        ["2001:0:a9fe:a9fe::1"],
        [PUBLIC, "10.0.0.8"],
        ["2606:2800:220:1:248:1893:25c8:1946", "::1"],
        [],
    ],
)
def test_a_host_with_one_address_that_is_not_public_is_refused(sends, dns, connected, addresses):
    dns[:] = [addresses]

    with pytest.raises(WebhookTargetError, match=f"{HOST} has an address that is not public"):
        sends()

    assert connected == []


def test_a_name_that_changes_after_the_check_changes_nothing(sends, dns, connected, receiver):
    dns[:] = [[PUBLIC], ["169.254.169.254"]]

    sends()

    assert connected == [PUBLIC]
    assert dns == [["169.254.169.254"]]  # nobody has asked a second time
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    "url",
    [
        f"http://{HOST}/",
        "https:///hooks",
        f"https://user@{HOST}/",
        f"https://{HOST}/#part",
        f"https://{HOST}:port/",
        f"https://{HOST}/a b",
        f"https://{HOST}/\r\nHost: other",
        "https://shöp.example/",
        "file:///etc/passwd",
    ],
)
def test_another_url_is_refused_before_a_name_is_looked_up(sends, dns, url):
    dns[:] = [["first"], [PUBLIC]]

    with pytest.raises(WebhookTargetError):
        sends(to=url)

    assert len(dns) == 2


@pytest.mark.parametrize("status", [301, 307, 400, 410, 429, 500])
def test_what_is_not_2xx_is_no_success_and_no_redirect_is_followed(
    sends, receiver, connected, status
):
    receiver.status = status

    with pytest.raises(WebhookNotTakenError, match=f"{HOST} answered {status}"):
        sends()

    assert connected == [PUBLIC]


def test_a_certificate_of_another_name_is_refused(sends, receiver):
    with pytest.raises(WebhookNotTakenError, match=r"other\.example: SSLCertVerificationError"):
        sends(to="https://other.example/")

    assert receiver.got == []


def test_a_receiver_that_answers_ever_so_slowly_is_left(sends, receiver, monkeypatch):
    monkeypatch.setattr(sending, "SECONDS", 0.18)
    receiver.pieces = []

    with pytest.raises(WebhookNotTakenError, match=f"{HOST}: "):
        sends()

    assert 0 < len(receiver.pieces) < 50


def test_a_name_that_nobody_knows_is_tried_again(sends, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with pytest.raises(WebhookNotTakenError, match=f"{HOST} was not found"):
        sends()


def test_the_log_has_ids_and_neither_path_nor_secret(sends, caplog):
    with caplog.at_level(logging.INFO):
        sent = sends()

    [line] = [each for each in caplog.records if each.message == "a webhook was sent"]
    assert (line.webhook_id, line.host, line.answer) == (sent, HOST, 204)
    assert "/hooks" not in str(vars(line))
    assert NEW not in str(vars(line))


def traced(event):
    """The event, whose notice says which trace has led to it."""
    [record] = event["Records"]
    body = json.loads(record["body"])
    notice = json.loads(body["Message"]) | {"traceparent": f"00-{TRACE}-{TRACE[:16]}-01"}
    record["body"] = json.dumps(body | {"Message": json.dumps(notice)})
    return event


@pytest.mark.usefixtures("dns", "connected", "world")
def test_a_notice_whose_webhook_is_not_taken_is_delivered_again(sample, receiver, monkeypatch):
    handlers.notice_handlers("command-status")
    event = traced(sample("queue/on_notification"))
    told = [lambda notice: send_webhook(notice, to=URL, secrets=NEW)]
    monkeypatch.setitem(handlers.registry.notices, "command-status", told)
    receiver.status = 503

    refused = lambda_handler(event, None)
    receiver.status = 200
    taken = lambda_handler(event, None)

    assert (len(refused["batchItemFailures"]), taken["batchItemFailures"]) == (1, [])
    first, last = receiver.got
    assert (first[1]["webhook-id"], first[2]) == (last[1]["webhook-id"], last[2])
    assert first[1]["traceparent"].split("-")[1] == TRACE
    assert TRACE.encode() not in first[2]
