"""The service classes of the DIMSE-C services (PS3.4), as SCP."""

from pynetdicom.service_class.base import ServiceClass
from pynetdicom.service_class.storage import (
    NonPatientObjectStorageServiceClass,
    StorageServiceClass,
)
from pynetdicom.service_class.verification import VerificationServiceClass

__all__ = [
    "NonPatientObjectStorageServiceClass",
    "ServiceClass",
    "StorageServiceClass",
    "VerificationServiceClass",
]
