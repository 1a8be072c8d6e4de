"""The exceptions of the package.

::

    DICOMNetworkError
    +-- AssociationError (ConnectionError)  an association that was not established
    +-- PDUDecodeError (ValueError)      bytes that are no valid PDU
    +-- DIMSEDecodeError (ValueError)    fragments that are no valid DIMSE message
    |   +-- DataSetLengthError           a data set longer than the limit for it
    +-- DataSetLimitError (ValueError)   a data set that a limit keeps from being decoded
    +-- UpperLayerError (RuntimeError)   a primitive that the present state does not allow

Misuse of the API raises the built-in ``ValueError``, ``TypeError`` and ``RuntimeError``.
"""

from __future__ import annotations


class DICOMNetworkError(Exception):
    """Root of the package's own exceptions."""


class AssociationError(DICOMNetworkError, ConnectionError):
    """The association was not established: there is no connection, or it was rejected or aborted.

    Parameters
    ----------
    message : str
        What happened.
    result, source, reason : int, optional
        Of a rejection (PS3.8 9.3.4): the result (1 permanent, 2 transient), the source (1 service
        user, 2 ACSE provider, 3 presentation provider) and the reason, whose meaning depends on
        the source. None if it was not rejected.
    """

    def __init__(
        self,
        message: str,
        result: int | None = None,
        source: int | None = None,
        reason: int | None = None,
    ) -> None:
        super().__init__(message)
        self.result = result
        self.source = source
        self.reason = reason


class PDUDecodeError(DICOMNetworkError, ValueError):
    """The bytes received are not a valid PDU.

    Parameters
    ----------
    message : str
        What is wrong, and where.
    reason : int, optional
        The reason to give in the answering A-ABORT of the service provider (PS3.8 9.3.8):
        0 not specified, 1 unrecognised PDU, 2 unexpected PDU, 4 unrecognised PDU parameter,
        5 unexpected PDU parameter, 6 invalid PDU parameter value (default).
    """

    def __init__(self, message: str, reason: int = 6) -> None:
        super().__init__(message)
        self.reason = reason


class DIMSEDecodeError(DICOMNetworkError, ValueError):
    """The fragments received are not a valid DIMSE message (PS3.7 6.3, Annex E)."""


class DataSetLengthError(DIMSEDecodeError):
    """The data set received is longer than :class:`~pynetdicom.limits.Limits` allow."""


class DataSetLimitError(DICOMNetworkError, ValueError):
    """Decoding the data set would exceed one of :class:`~pynetdicom.limits.Limits`."""


class UpperLayerError(DICOMNetworkError, RuntimeError):
    """The primitive is not allowed in the association's present state (PS3.8 9.2)."""
