"""The Verification service class (PS3.4 A)."""

from __future__ import annotations

import logging

import pynetdicom.events as evt
from pynetdicom.dimse_primitives import C_ECHO, DimseServiceType
from pynetdicom.presentation import PresentationContextTuple
from pynetdicom.service_class.base import ServiceClass
from pynetdicom.status import VERIFICATION_SERVICE_CLASS_STATUS

LOGGER = logging.getLogger("pynetdicom.service_class")


class VerificationServiceClass(ServiceClass):
    """Answers C-ECHO requests (PS3.4 A.4); Success unless a handler says otherwise."""

    statuses = VERIFICATION_SERVICE_CLASS_STATUS
    # An echo that arrived is a success
    _missing_status = 0x0000
    _unusable_status = 0x0000

    def SCP(self, req: DimseServiceType, context: PresentationContextTuple) -> None:
        """Serve a C-ECHO request.

        Parameters
        ----------
        req : dimse_primitives.C_ECHO
            The request.
        context : presentation.PresentationContextTuple
            The presentation context that it came in.
        """
        if not isinstance(req, C_ECHO):
            super().SCP(req, context)
        rsp = req.response()
        rsp.Status = 0x0000
        if self.assoc._is_bound(evt.EVT_C_ECHO):
            try:
                status = self._handle(evt.EVT_C_ECHO, req, context)
                if not self.assoc.is_established:
                    return
                self.validate_status(status, rsp)
            except Exception:
                LOGGER.exception("Exception in the handler of EVT_C_ECHO; answering Success")
                rsp.Status = 0x0000
        self.dimse.send_msg(rsp, context.context_id)
