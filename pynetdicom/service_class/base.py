"""What all service classes have in common: statuses, and the dispatch of requests."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import pynetdicom._lazy as lazy
import pynetdicom.events as evt
from pynetdicom.dimse_primitives import DIMSEPrimitive, DimseServiceType
from pynetdicom.errors import DataSetLimitError
from pynetdicom.presentation import PresentationContextTuple
from pynetdicom.status import GENERAL_STATUS, StatusDictType
from pynetdicom.utils import safe_text

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from pynetdicom.ae import ApplicationEntity
    from pynetdicom.association import Association
    from pynetdicom.dimse import DIMSEServiceProvider

LOGGER = logging.getLogger("pynetdicom.service_class")


# Kinds of request, and what serves them: called with the service class, the request and its context
Operations: TypeAlias = Mapping[
    type[DIMSEPrimitive], Callable[[Any, Any, PresentationContextTuple], None]
]


def sop_class_of(request: DimseServiceType) -> str:
    """Return the Affected, or else the Requested, SOP Class UID of a request."""
    values = request._values
    uid: str = values.get("AffectedSOPClassUID") or values.get("RequestedSOPClassUID") or ""
    return uid


def pair_of(
    event: evt.InterventionEvent, answer: Any, verb: str, second: str = "a data set or None"
) -> tuple[Any, Any]:
    """Return the two things that a handler gave: a status, and what `second` says.

    Parameters
    ----------
    event : events.InterventionEvent
        The event of the handler.
    answer : object
        What it gave.
    verb : str
        How it gives it: ``"return"`` or ``"yield"``.
    second : str, optional
        What the second thing should be.

    Raises
    ------
    TypeError
        If these are not two things; the message tells the author of the handler.
    """
    try:
        status, other = answer
    except (TypeError, ValueError):
        raise TypeError(
            f"The handler of {event} must {verb} two things, a status and {second}; "
            f"it {verb}ed '{type(answer).__name__}'"
        ) from None
    return status, other


class ServiceClass:
    """A service class as its SCP: serves the requests of its SOP classes.

    Parameters
    ----------
    assoc : association.Association
        The association that the requests come from.

    Attributes
    ----------
    statuses : dict
        The statuses that its responses may have: ``{code: (category, meaning)}``.
    """

    statuses: StatusDictType = GENERAL_STATUS
    # What it can be asked for, and what serves that
    operations: ClassVar[Operations] = {}
    # What is answered when a handler returns a data set without Status, or no status at all
    _missing_status: ClassVar[int] = 0xC001
    _unusable_status: ClassVar[int] = 0xC002

    def __init__(self, assoc: Association) -> None:
        self.assoc = assoc

    @property
    def ae(self) -> ApplicationEntity:
        """The local application entity."""
        return self.assoc.ae

    @property
    def dimse(self) -> DIMSEServiceProvider:
        """What sends the responses."""
        return self.assoc.dimse

    def SCP(self, req: DimseServiceType, context: PresentationContextTuple) -> None:
        """Serve a request.

        Parameters
        ----------
        req : dimse_primitives.DIMSEPrimitive
            The request.
        context : presentation.PresentationContextTuple
            The presentation context that it came in.

        Raises
        ------
        NotImplementedError
            If the service class has no such operation, or not for the SOP class of the context.
        """
        self._prepare(req, context)
        self.operations[type(req)](self, req, context)

    def _prepare(self, req: DimseServiceType, context: PresentationContextTuple) -> None:
        """Make ready for a request; NotImplementedError if it is none that is served."""
        if type(req) not in self.operations:
            raise NotImplementedError(
                f"{type(self).__name__} does not serve {req.msg_type} requests, here for "
                f"{safe_text(sop_class_of(req))}"
            )

    def is_cancelled(self, msg_id: int) -> bool:
        """Return True, once, if the peer has cancelled a request.

        Parameters
        ----------
        msg_id : int
            The Message ID of the request.
        """
        self.assoc.dul.pump()
        return self.dimse.take_cancel(msg_id)

    def is_valid_status(self, status: int) -> bool:
        """Return True if the service class has a status.

        Parameters
        ----------
        status : int
            Its code.
        """
        return status in self.statuses

    def validate_status(
        self, status: int | Dataset | object, rsp: DimseServiceType
    ) -> DimseServiceType:
        """Give a response the status that a handler returned.

        Parameters
        ----------
        status : int or pydicom.dataset.Dataset
            What the handler returned: the code, or a data set with Status and other elements
            of the response such as Error Comment.
        rsp : dimse_primitives.DIMSEPrimitive
            The response.

        Returns
        -------
        dimse_primitives.DIMSEPrimitive
            The response. Its status is 0xC001 for a data set without Status, 0xC002 for
            anything else that is no status; Verification has 0x0000 for both.
        """
        if isinstance(status, int):
            rsp.Status = code = int(status)
        elif isinstance(status, lazy.pydicom.dataset.Dataset):
            self._copy_status(status, rsp)
            code = rsp.Status or 0
        else:
            LOGGER.error("A handler returned %s as the status", type(status).__name__)
            rsp.Status = code = self._unusable_status
        if not self.is_valid_status(code):
            LOGGER.warning("0x%04X is no status of %s", code, type(self).__name__)
        return rsp

    def _copy_status(self, status: Dataset, rsp: DimseServiceType) -> None:
        """Copy the elements of a status data set that the response has."""
        if status.get("Status") is None:
            LOGGER.error("A handler returned a data set without Status")
            rsp.Status = self._missing_status
            return
        for element in status:
            if hasattr(rsp, element.keyword):
                setattr(rsp, element.keyword, element.value)
            else:
                name = element.keyword or element.tag
                LOGGER.warning("'%s' of a handler's status has no place there", name)

    def _handle(
        self,
        event: evt.InterventionEvent,
        req: DimseServiceType,
        context: PresentationContextTuple,
        **more: Any,
    ) -> Any:
        """Call the handler of a request's event, which has some attributes more."""
        attributes = {
            "request": req,
            "context": context,
            "_is_cancelled": self.is_cancelled,
            **more,
        }
        return evt.trigger(self.assoc, event, attributes)

    def _failure_status(
        self,
        event: evt.InterventionEvent,
        req: DimseServiceType,
        error: Exception,
        otherwise: int,
        beyond_limit: int = 0xC000,
    ) -> int:
        """Log what the handler of a request raised, and return the status that tells the peer.

        That is `beyond_limit` if the request's data set exceeds a limit.
        """
        if isinstance(error, DataSetLimitError):
            LOGGER.error("%s request refused: %s%s", req.msg_type, error, self._origin())
            return beyond_limit
        if isinstance(error, NotImplementedError) and not self.assoc._is_bound(event):
            message = "%s request refused: no handler is bound to %s%s"
            LOGGER.error(message, req.msg_type, event, self._origin())
        else:
            LOGGER.error("Exception in the handler of %s%s", event, self._origin(), exc_info=error)
        return otherwise

    def _origin(self) -> str:
        """Say in the log whose request went wrong."""
        return f"; the request came from {self.assoc._peer_text()}"
