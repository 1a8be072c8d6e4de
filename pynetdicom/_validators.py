"""The default rules for AE titles and UIDs, as used through ``_config.VALIDATORS``."""

from __future__ import annotations


def validate_ae(value: str) -> tuple[bool, str]:
    r"""Return whether `value` is an acceptable AE title, and if not the reason (PS3.5 6.2).

    Parameters
    ----------
    value : str
        The AE title: at most 16 characters of ISO 646, neither control characters nor ``\``.
        Whether it may be empty is for the caller to say.

    Returns
    -------
    tuple[bool, str]
        True and an empty str, or False and what is wrong.
    """
    if len(value) > 16:
        return False, "must not exceed 16 characters"
    if not value.isascii():
        return False, "must only contain ASCII characters"
    if not value.isprintable() or "\\" in value:
        return False, "must not contain control characters or backslashes"
    return True, ""


def validate_ui(value: str) -> tuple[bool, str]:
    """Return whether `value` is an acceptable UID, and if not the reason (PS3.5 6.2 and 9.1).

    Only what would keep the value from being sent makes it unacceptable here: real systems use
    UIDs with leading zeros or letters. Conformance itself is
    :data:`~pynetdicom._config.ENFORCE_UID_CONFORMANCE`'s matter.

    Parameters
    ----------
    value : str
        The UID, 1 to 64 printable characters of ISO 646.

    Returns
    -------
    tuple[bool, str]
        True and an empty str, or False and what is wrong.
    """
    if not value:
        return False, "must not be an empty str"
    if len(value) > 64:
        return False, "must not exceed 64 characters"
    if not value.isascii() or not value.isprintable():
        return False, "must only contain printable ASCII characters"
    return True, ""


def is_conformant_uid(value: str) -> bool:
    """Return whether `value` is a UID as PS3.5 9.1 wants it: numbers without leading zeros."""
    if len(value) > 64 or not value.isascii():
        return False
    return all(n.isdigit() and (n[0] != "0" or n == "0") for n in value.split("."))
