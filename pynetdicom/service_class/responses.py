"""What operations with several responses have in common: C-FIND, C-GET and C-MOVE as SCP."""

from __future__ import annotations

import logging
from io import BytesIO
from time import monotonic

import pynetdicom._config as _config
from pynetdicom.dimse_primitives import C_FIND, C_GET, C_MOVE
from pynetdicom.dsutils import decode, encoding_of, log_identifier
from pynetdicom.presentation import PresentationContextTuple
from pynetdicom.service_class.base import ServiceClass
from pynetdicom.utils import safe_text

LOGGER = logging.getLogger("pynetdicom.service_class")

# Time between two responses of which the first could have waited for the second, in seconds; and
# how many go out together at most
_QUICK = 0.001
_TOGETHER = 64


def is_awaited(service: ServiceClass) -> bool:
    """Look at what the peer has sent; return whether it still awaits responses.

    That is not so when the association has ended, or the peer asks for its release.
    """
    assoc = service.assoc
    assoc.dul.pump()
    return assoc.is_established and assoc.dul.peek_next_pdu() is None


def log_request_identifier(
    service: ServiceClass, req: C_FIND | C_GET | C_MOVE, context: PresentationContextTuple
) -> None:
    """Log the identifier of a request, if that is wanted (``_config.LOG_REQUEST_IDENTIFIERS``)."""
    is_wanted = _config.LOG_REQUEST_IDENTIFIERS and service.ae.log_patient_data
    if not is_wanted or not LOGGER.isEnabledFor(logging.INFO):
        return
    encoding = encoding_of(context.transfer_syntax)
    try:
        identifier = decode(req.Identifier or BytesIO(), *encoding, limits=service.ae.limits)
    except Exception as exc:  # which the handler will see as well, if it looks
        reason = safe_text(str(exc), 256)
        LOGGER.info("%s request identifier can't be decoded: %s", req.msg_type, reason)
        return
    log_identifier(LOGGER, logging.INFO, f"{req.msg_type} request identifier", identifier)


class Pace:
    """Tells which responses to a request may wait for the next, so that few packets wake the peer.

    Those of a handler that takes its time may not. A quick one's go out some at a time, which lets
    the peer deal with them meanwhile.
    """

    def __init__(self) -> None:
        self._last = float("-inf")
        self._count = 0

    def may_wait(self) -> bool:
        """Return whether the response that is sent now may wait."""
        last, self._last = self._last, monotonic()
        self._count += 1
        return self._last - last < _QUICK and self._count % _TOGETHER != 0
