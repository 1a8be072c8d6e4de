"""The Verification service class (PS3.4 A)."""

from __future__ import annotations

from typing import ClassVar

import pynetdicom.events as evt
from pynetdicom.dimse_primitives import C_ECHO
from pynetdicom.presentation import PresentationContextTuple
from pynetdicom.service_class.base import Operations, ServiceClass
from pynetdicom.status import VERIFICATION_SERVICE_CLASS_STATUS

# An echo that arrived is a success, whatever its handler does
_SUCCESS = 0x0000


def echo(service: ServiceClass, req: C_ECHO, context: PresentationContextTuple) -> None:
    """Serve a C-ECHO request (PS3.7 9.3.5)."""
    rsp = req.response()
    rsp.Status = _SUCCESS
    if service.assoc._is_bound(evt.EVT_C_ECHO):
        try:
            status = service._handle(evt.EVT_C_ECHO, req, context)
            if not service.assoc.is_established:
                return
            service.validate_status(status, rsp)
        except Exception as exc:
            rsp.Status = service._failure_status(evt.EVT_C_ECHO, req, exc, _SUCCESS, _SUCCESS)
    service.dimse.send_msg(rsp, context.context_id)


class VerificationServiceClass(ServiceClass):
    """Answers C-ECHO requests (PS3.4 A.4); Success unless a handler says otherwise."""

    statuses = VERIFICATION_SERVICE_CLASS_STATUS
    operations: ClassVar[Operations] = {C_ECHO: echo}
    _missing_status = _SUCCESS
    _unusable_status = _SUCCESS
