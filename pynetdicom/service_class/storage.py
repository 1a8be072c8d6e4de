"""The Storage and Non-Patient Object Storage service classes (PS3.4 B, GG)."""

from __future__ import annotations

import logging

import pynetdicom.events as evt
from pynetdicom.dimse_primitives import C_STORE, DimseServiceType
from pynetdicom.errors import DataSetLimitError
from pynetdicom.presentation import PresentationContextTuple
from pynetdicom.service_class.base import ServiceClass
from pynetdicom.status import NON_PATIENT_SERVICE_CLASS_STATUS, STORAGE_SERVICE_CLASS_STATUS

LOGGER = logging.getLogger("pynetdicom.service_class")


class StorageServiceClass(ServiceClass):
    """Answers C-STORE requests (PS3.4 B.2) with what the handler of EVT_C_STORE returns."""

    uid = "1.2.840.10008.4.2"
    statuses = STORAGE_SERVICE_CLASS_STATUS

    def SCP(self, req: DimseServiceType, context: PresentationContextTuple) -> None:
        """Serve a C-STORE request.

        Parameters
        ----------
        req : dimse_primitives.C_STORE
            The request.
        context : presentation.PresentationContextTuple
            The presentation context that it came in.
        """
        if not isinstance(req, C_STORE):
            super().SCP(req, context)
        rsp = req.response()
        try:
            status = self._handle(evt.EVT_C_STORE, req, context)
        except NotImplementedError:
            if self.assoc._is_bound(evt.EVT_C_STORE):
                LOGGER.exception("Exception in the handler of EVT_C_STORE")
            else:
                LOGGER.error("C-STORE request refused: no handler is bound to EVT_C_STORE")
            rsp.Status = 0xC211
        except DataSetLimitError as exc:
            LOGGER.error("C-STORE request refused: %s", exc)
            rsp.Status = 0xC000
        except Exception:
            LOGGER.exception("Exception in the handler of EVT_C_STORE")
            rsp.Status = 0xC211
        else:
            if not self.assoc.is_established:
                return
            self.validate_status(status, rsp)
        self.dimse.send_msg(rsp, context.context_id)


class NonPatientObjectStorageServiceClass(StorageServiceClass):
    """Answers C-STORE requests for instances that belong to no patient (PS3.4 GG)."""

    statuses = NON_PATIENT_SERVICE_CLASS_STATUS
