"""TLS contexts as the options say (PS3.15 B.12 and B.13); imported only when TLS is used."""

from __future__ import annotations

import ssl
from argparse import Namespace
from pathlib import Path

from .exits import AppError, Exit

# The cipher suites of TLS 1.2; those of TLS 1.3 are OpenSSL's, all of them authenticated.
# RFC 9325 4.2 recommends ECDHE with AES in GCM. The modified profile leaves out 128-bit keys.
CIPHERS = {
    "bcp195": "ECDHE+AESGCM:ECDHE+CHACHA20",
    "bcp195-modified": "ECDHE+AES256GCM:ECDHE+CHACHA20",
}
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
VERIFICATION = {
    "required": ssl.CERT_REQUIRED,
    "optional": ssl.CERT_OPTIONAL,
    "none": ssl.CERT_NONE,
}


def client_context(options: Namespace) -> ssl.SSLContext:
    """Return the context of a requestor.

    Raises
    ------
    AppError
        If a key or a certificate can't be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    verified = options.tls_verify != "none"
    context.check_hostname = verified and not options.tls_any_name
    context.verify_mode = VERIFICATION[options.tls_verify or "required"]
    _apply(context, options)
    if verified and not options.tls_ca:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    return context


def server_context(options: Namespace) -> ssl.SSLContext:
    """Return the context of an acceptor.

    Raises
    ------
    AppError
        If an option is missing, or a key or a certificate can't be used.
    """
    if not (options.tls_key and options.tls_cert):
        raise AppError(
            Exit.USAGE, "a server needs a key and a certificate", "give --tls-key and --tls-cert"
        )
    verification = options.tls_verify or ("required" if options.tls_ca else "none")
    if verification != "none" and not options.tls_ca:
        raise AppError(
            Exit.USAGE, "there is nobody to trust when clients are verified", "give --tls-ca"
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = VERIFICATION[verification]
    _apply(context, options)
    return context


def _apply(context: ssl.SSLContext, options: Namespace) -> None:
    """Set what is the same on both sides."""
    context.minimum_version = VERSIONS[options.tls_min_version]
    context.set_ciphers(CIPHERS[options.tls_profile])
    if bool(options.tls_key) != bool(options.tls_cert):
        raise AppError(Exit.USAGE, "--tls-key and --tls-cert belong together", "give both")
    what = ""
    try:
        if options.tls_cert:
            what = f"{options.tls_cert} and {options.tls_key}"
            context.load_cert_chain(options.tls_cert, options.tls_key, _password(options))
        if options.tls_ca:
            what = options.tls_ca
            is_folder = Path(what).is_dir()
            context.load_verify_locations(
                cafile=None if is_folder else what, capath=what if is_folder else None
            )
    except (OSError, ValueError) as exc:  # an SSLError is an OSError
        if isinstance(exc, ssl.SSLError) and exc.reason is None:  # OpenSSL has no better word
            raise AppError(
                Exit.TLS,
                f"{what} can't be used for TLS: they are no PEM files, or the password of the key "
                "is wrong or missing",
                "give --tls-password-file",
            ) from None
        text = getattr(exc, "reason", None) or getattr(exc, "strerror", None) or exc
        raise AppError(
            Exit.TLS, f"{what} can't be used for TLS: {text}", "check the files; they must be PEM"
        ) from None


def _password(options: Namespace) -> bytes:
    """Return the password of the private key; nobody is asked for it."""
    if not options.tls_password_file:
        return b""
    return Path(options.tls_password_file).read_bytes().rstrip(b"\r\n")
