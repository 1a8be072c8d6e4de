"""The version of the package and what identifies it on the wire (PS3.7 D.3.3.2)."""

from __future__ import annotations

from pynetdicom._lazy import later, make_later
from pynetdicom.utils import make_uid

__version__ = "4.0.0.dev0"

PYNETDICOM_UID_PREFIX = "1.2.826.0.1.3680043.9.3811."
IMPLEMENTATION_UID = f"{PYNETDICOM_UID_PREFIX}4.0.0"
PYNETDICOM_IMPLEMENTATION_UID = later(make_uid, IMPLEMENTATION_UID)
PYNETDICOM_IMPLEMENTATION_VERSION = "PYNETDICOM_400"

make_later(globals())
