"""The short way of the fabric asks who sends before it reads what is sent."""

import socket
from urllib.parse import urlsplit

import pytest

HEAD = (
    "POST / HTTP/1.1\r\nHost: {host}\r\nX-Amz-Target: DynamoDB_20120810.ListTables\r\n"
    "Content-Type: application/x-amz-json-1.0\r\nContent-Length: 15000000\r\n\r\n"
)


@pytest.mark.stack
def test_a_foreign_host_is_refused_before_its_body_is_read(stack):
    address = urlsplit(stack.aws)
    with socket.create_connection((address.hostname, address.port), timeout=20) as client:
        client.sendall(HEAD.format(host="evil.example").encode() + b"{")
        answer = client.makefile("rb").read()  # until the fabric closes the connection

    assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
