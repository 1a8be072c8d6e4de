"""Associations: the thread that each is, what it can send, and the two who use it."""

from pynetdicom.association.association import Association
from pynetdicom.association.requests import Responses
from pynetdicom.association.service_user import ServiceUser

__all__ = ["Association", "Responses", "ServiceUser"]
