"""A server of PostgreSQL elsewhere proves its name, unless the DSN says otherwise."""

import ssl

import pytest

from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.sql.driver import _ssl_context


@pytest.mark.parametrize("options", [{}, {"sslmode": "verify-full"}])
def test_a_server_elsewhere_has_to_prove_its_name(options: dict[str, str]) -> None:
    context = _ssl_context("db.example", options)

    assert isinstance(context, ssl.SSLContext)
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)


def test_require_asks_for_no_name() -> None:
    context = _ssl_context("db.example", {"sslmode": "require"})

    assert isinstance(context, ssl.SSLContext)
    assert (context.check_hostname, context.verify_mode) == (False, ssl.CERT_NONE)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_this_machine_is_asked_for_none(host: str) -> None:
    assert _ssl_context(host, {}) is False


def test_a_mode_that_checks_less_than_it_says_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="verify-ca is none of"):
        _ssl_context("db.example", {"sslmode": "verify-ca"})
