"""The DICOM upper layer (PS3.8): the protocol without I/O, and its provider on a socket."""

from pynetdicom.dul.provider import DULServiceProvider

__all__ = ["DULServiceProvider"]
