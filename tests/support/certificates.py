"""Certificates for TLS as files, for other programs and for the examples of the documentation."""

from __future__ import annotations

from pathlib import Path

import trustme


def write_certificates(folder: Path) -> None:
    """Write `ca.pem`, and certificate and key of a server and of a client at this host.

    They are called `server.pem` and `server.key`, `client.pem` and `client.key`; the certificates
    are for the names `localhost` and `127.0.0.1`.
    """
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name in ("server", "client"):
        leaf = authority.issue_cert("localhost", "127.0.0.1")
        leaf.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
        leaf.private_key_pem.write_to_path(folder / f"{name}.key")
