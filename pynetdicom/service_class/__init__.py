"""The service classes of the DIMSE-C services (PS3.4), as SCP."""

from typing import TYPE_CHECKING

import pynetdicom._lazy as _lazy
from pynetdicom.service_class.base import ServiceClass

if TYPE_CHECKING:
    from pynetdicom.service_class.query import (
        BasicWorklistManagementServiceClass,
        InformationModelServiceClass,
        RelevantPatientInformationQueryServiceClass,
        SubstanceAdministrationQueryServiceClass,
    )
    from pynetdicom.service_class.retrieve import (
        ColorPaletteQueryRetrieveServiceClass,
        DefinedProcedureProtocolQueryRetrieveServiceClass,
        HangingProtocolQueryRetrieveServiceClass,
        ImplantTemplateQueryRetrieveServiceClass,
        InventoryQueryRetrieveServiceClass,
        ProtocolApprovalQueryRetrieveServiceClass,
        QueryRetrieveServiceClass,
    )
    from pynetdicom.service_class.storage import (
        NonPatientObjectStorageServiceClass,
        StorageServiceClass,
    )
    from pynetdicom.service_class.verification import VerificationServiceClass

__all__ = [
    "BasicWorklistManagementServiceClass",
    "ColorPaletteQueryRetrieveServiceClass",
    "DefinedProcedureProtocolQueryRetrieveServiceClass",
    "HangingProtocolQueryRetrieveServiceClass",
    "ImplantTemplateQueryRetrieveServiceClass",
    "InformationModelServiceClass",
    "InventoryQueryRetrieveServiceClass",
    "NonPatientObjectStorageServiceClass",
    "ProtocolApprovalQueryRetrieveServiceClass",
    "QueryRetrieveServiceClass",
    "RelevantPatientInformationQueryServiceClass",
    "ServiceClass",
    "StorageServiceClass",
    "SubstanceAdministrationQueryServiceClass",
    "VerificationServiceClass",
]


# Most of them look into data sets, and so need pydicom; they are loaded when they are asked for
_lazy.make_later(
    globals(), *(f"{__name__}.{part}" for part in ("verification", "storage", "query", "retrieve"))
)
