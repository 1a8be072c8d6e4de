"""The service classes of the DIMSE-C services (PS3.4), as SCP."""

from pynetdicom.service_class.base import ServiceClass
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
