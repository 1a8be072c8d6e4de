"""Certificates for TLS on this host, and contexts that use them.

There is one authority that is trusted, and another one that nobody trusts. Certificates are made
when they are first needed, once a process.
"""

from __future__ import annotations

import ssl
from functools import cache

import trustme

#: What the certificate of the servers is for
SERVER_NAMES = ("localhost", "127.0.0.1", "::1")


@cache
def authority() -> trustme.CA:
    """Return the authority that is trusted."""
    return trustme.CA()


@cache
def _server_certificate(trusted: bool) -> trustme.LeafCert:
    return (authority() if trusted else trustme.CA()).issue_cert(*SERVER_NAMES)


@cache
def _client_certificate() -> trustme.LeafCert:
    return authority().issue_cert("client.example")


def server_context(
    trusted: bool = True,
    verify_clients: bool = False,
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
) -> ssl.SSLContext:
    """Return a context for servers.

    `trusted` is whether clients trust its certificate, `verify_clients` whether clients need one,
    and `version` the latest version of TLS that is spoken.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = version
    _server_certificate(trusted).configure_cert(context)
    if verify_clients:
        context.verify_mode = ssl.CERT_REQUIRED
        authority().configure_trust(context)
    return context


def client_context(certificate: bool = False) -> ssl.SSLContext:
    """Return a context for clients, with or without a certificate to show to servers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority().configure_trust(context)
    if certificate:
        _client_certificate().configure_cert(context)
    return context


class Contexts:
    """TLS contexts of a server and of a client that trust each other.

    Attributes
    ----------
    server, client : ssl.SSLContext
        What each side uses; the certificate is for the name `localhost`.
    """

    def __init__(self) -> None:
        self.server = server_context()
        self.client = client_context()
