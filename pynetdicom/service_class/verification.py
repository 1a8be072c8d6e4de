"""The Verification service class (PS3.4 A)."""

from __future__ import annotations

import logging
from typing import ClassVar

import pynetdicom.events as evt
from pynetdicom.dimse_primitives import C_ECHO
from pynetdicom.presentation import PresentationContextTuple
from pynetdicom.service_class.base import Operations, ServiceClass
from pynetdicom.status import VERIFICATION_SERVICE_CLASS_STATUS

LOGGER = logging.getLogger("pynetdicom.service_class")


def echo(service: ServiceClass, req: C_ECHO, context: PresentationContextTuple) -> None:
    """Serve a C-ECHO request (PS3.7 9.3.5)."""
    rsp = req.response()
    rsp.Status = 0x0000
    if service.assoc._is_bound(evt.EVT_C_ECHO):
        try:
            status = service._handle(evt.EVT_C_ECHO, req, context)
            if not service.assoc.is_established:
                return
            service.validate_status(status, rsp)
        except Exception:
            LOGGER.exception("Exception in the handler of EVT_C_ECHO; answering Success")
            rsp.Status = 0x0000
    service.dimse.send_msg(rsp, context.context_id)


class VerificationServiceClass(ServiceClass):
    """Answers C-ECHO requests (PS3.4 A.4); Success unless a handler says otherwise."""

    statuses = VERIFICATION_SERVICE_CLASS_STATUS
    operations: ClassVar[Operations] = {C_ECHO: echo}
    # An echo that arrived is a success
    _missing_status = 0x0000
    _unusable_status = 0x0000
