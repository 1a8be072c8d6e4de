"""The Storage and Non-Patient Object Storage service classes (PS3.4 B, GG)."""

from __future__ import annotations

import logging
from typing import ClassVar

import pynetdicom.events as evt
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.errors import DataSetLimitError
from pynetdicom.presentation import PresentationContextTuple
from pynetdicom.service_class.base import Operations, ServiceClass
from pynetdicom.status import NON_PATIENT_SERVICE_CLASS_STATUS, STORAGE_SERVICE_CLASS_STATUS

LOGGER = logging.getLogger("pynetdicom.service_class")


def store(service: ServiceClass, req: C_STORE, context: PresentationContextTuple) -> None:
    """Serve a C-STORE request (PS3.7 9.3.1) with what the handler of EVT_C_STORE returns."""
    rsp = req.response()
    try:
        status = service._handle(evt.EVT_C_STORE, req, context)
    except NotImplementedError:
        if service.assoc._is_bound(evt.EVT_C_STORE):
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
        if not service.assoc.is_established:
            return
        service.validate_status(status, rsp)
    service.dimse.send_msg(rsp, context.context_id)


class StorageServiceClass(ServiceClass):
    """Answers C-STORE requests (PS3.4 B.2)."""

    uid = "1.2.840.10008.4.2"
    statuses = STORAGE_SERVICE_CLASS_STATUS
    operations: ClassVar[Operations] = {C_STORE: store}


class NonPatientObjectStorageServiceClass(StorageServiceClass):
    """Answers C-STORE requests for instances that belong to no patient (PS3.4 GG)."""

    statuses = NON_PATIENT_SERVICE_CLASS_STATUS
