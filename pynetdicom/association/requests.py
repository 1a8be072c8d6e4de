"""The request engine of an association: which context, what is sent, and what comes back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import pynetdicom._config as _config
import pynetdicom._lazy as lazy
from pynetdicom._encoded import EncodedDataSet
from pynetdicom._globals import STATUS_SUCCESS, STATUS_WARNING
from pynetdicom._spool import Spool
from pynetdicom.association.stand_in import StandIn
from pynetdicom.dimse import DataSource
from pynetdicom.dimse_messages import command_elements
from pynetdicom.dimse_primitives import C_FIND, C_GET, C_MOVE, N_CREATE, DimseServiceType
from pynetdicom.dsutils import Encoding, decode, encode_pieces, encoding_of, log_identifier
from pynetdicom.errors import UpperLayerError
from pynetdicom.exchanges import Exchange
from pynetdicom.status import code_to_category
from pynetdicom.utils import make_uid, safe_text

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.uid import UID
    from typing_extensions import Self

    from pynetdicom._negotiation import Contexts
    from pynetdicom.ae import ApplicationEntity
    from pynetdicom.presentation import PresentationContext

LOGGER = logging.getLogger("pynetdicom.association")

# The status of a response, and its data set if it has one that is of use
Reply: TypeAlias = "tuple[Dataset, Dataset | None]"
_Query: TypeAlias = C_FIND | C_GET | C_MOVE
_Request = TypeVar("_Request", bound=DimseServiceType)

# Statuses besides Pending that more responses follow, by the SOP class of the request
_REPOSITORY_QUERY = "1.2.840.10008.5.1.4.1.1.201.6"
_ALSO_PENDING = {_REPOSITORY_QUERY: frozenset({0xB001})}
# In whose contexts requests for Unified Procedure Step - Push may go as well: all of these SOP
# classes are of the same instances (PS3.4 CC.3)
_UPS_PUSH = "1.2.840.10008.5.1.4.34.6.1"
_UPS = {f"1.2.840.10008.5.1.4.34.6.{number}" for number in (2, 3, 4, 5)}


class Responses(Iterator[Reply]):
    """The responses to a C-FIND, C-GET or C-MOVE request (PS3.7 9.1.2 to 9.1.4), as they come.

    It yields ``(status, identifier)``: a data set with Status and what else the response says
    about it, and the decoded *Identifier* or None. In the end there is one status that is not
    Pending, or an empty one if no valid response came within the DIMSE timeout, or not the last
    one within :attr:`~pynetdicom.limits.Limits.operation_time`; in that case the association
    has been aborted.

    Who does not want the rest closes it, by :meth:`close`, by leaving a ``with`` block or by
    dropping it, as a ``for`` loop does that is left. The operation is cancelled then, and what
    still comes is thrown away.

    Examples
    --------
    ::

        with assoc.send_c_find(query, PatientRootQueryRetrieveInformationModelFind) as responses:
            for status, identifier in responses:
                ...
    """

    def __init__(
        self,
        user: RequestEngine,
        request: _Query,
        exchange: Exchange | None,
        encoding: Encoding,
    ) -> None:
        self._is_done = False
        self._user = user
        self._request = request
        self._exchange = exchange
        self._encoding = encoding

    @property
    def message_id(self) -> int:
        """The Message ID that the request was sent with.

        It is not the one asked for if that was in use by another outstanding request.
        """
        return self._request.MessageID or 0

    def cancel(self) -> None:
        """Ask the peer to end the operation (C-CANCEL, PS3.7 9.3.2.3).

        The responses go on until the final one. That has the status 0xFE00 if the peer did as
        it was asked.
        """
        if self._exchange is not None and not self._is_done:
            self._user._cancel(self._exchange.cancel)

    def close(self) -> None:
        """Cancel the operation unless it is over, and yield no more responses; never waits."""
        if not self._is_done:
            self._is_done = True
            if self._exchange is not None:
                self._exchange.abandon()

    def __next__(self) -> Reply:
        if self._is_done:
            raise StopIteration
        exchange, response = self._exchange, None
        if exchange is not None:
            response = self._user._receive(self._request, exchange)
        if exchange is None or response is None:
            self._is_done = True
            return lazy.pydicom.dataset.Dataset(), None
        status: int = response._values["Status"]
        self._is_done = status not in exchange.pending
        identifier = self._identifier(response, status)
        is_wanted = _config.LOG_RESPONSE_IDENTIFIERS and self._user.ae.log_patient_data
        if identifier and is_wanted:
            log_identifier(
                LOGGER, logging.INFO, f"{response.msg_type} response identifier", identifier
            )
        return status_of(response), identifier

    def _identifier(self, response: DimseServiceType, status: int) -> Dataset | None:
        """Return the identifier of a response, if one belongs to that status.

        With a C-FIND this is what was found; otherwise the instances that were not sent.
        """
        if isinstance(response, C_FIND):
            if self._is_done or response._values.get("Identifier") is None:
                return None
        elif status == 0x0000 or not self._is_done:
            return None
        return self._user._decode(response, self._encoding)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


class RequestEngine(StandIn):
    """How every request of ours is sent and answered; a part of :class:`Association`."""

    # What the other part provides
    if TYPE_CHECKING:

        @property
        def _contexts(self) -> Contexts: ...

    @property
    def ae(self) -> ApplicationEntity:  # noqa: D102
        raise NotImplementedError

    def _peer_text(self) -> str:
        raise NotImplementedError

    def _log_fault(self, message: str, *values: object, level: int = logging.ERROR) -> None:
        raise NotImplementedError

    # -- presentation contexts ---------------------------------------------------------------

    def _get_valid_context(
        self,
        ab_syntax: str,
        tr_syntax: str,
        role: str | None = None,
        context_id: int | None = None,
        allow_conversion: bool = True,
    ) -> PresentationContext:
        """Return the accepted context to send a request in.

        Parameters
        ----------
        ab_syntax : str
            The abstract syntax, which is the SOP class UID.
        tr_syntax : str
            The transfer syntax of the data set; empty if any will do.
        role : str, optional
            The role that we need, ``"scu"`` or ``"scp"``; either will do if not given.
        context_id : int, optional
            A context to try first.
        allow_conversion : bool, optional
            Whether a context will do into whose transfer syntax the data set can be converted
            without loss: uncompressed, of the same byte order.

        Raises
        ------
        ValueError
            If there is none; says what was proposed, what was answered and what to do.
        """
        candidates = [
            context
            for context in self._contexts.by_syntax.get(ab_syntax, ())
            if _has_role(context, role)
        ]
        if context_id is not None:
            candidates.sort(key=lambda context: context.context_id != context_id)
        for context in candidates:
            if not tr_syntax or context._transfer_syntax[0] == tr_syntax:
                return context
        if allow_conversion:
            for context in candidates:
                if _is_convertible(make_uid(tr_syntax), context.transfer_syntax[0]):
                    return context
        raise ValueError(self._explain_no_context(make_uid(ab_syntax), tr_syntax, role))

    def _explain_no_context(self, ab_syntax: UID, tr_syntax: str, role: str | None) -> str:
        """Say why no context will do for a request, and what would."""
        name = f"'{ab_syntax.name}' ({ab_syntax})" if ab_syntax.name != ab_syntax else ab_syntax
        what = f"{name} in '{make_uid(tr_syntax).name}'" if tr_syntax else name
        accepted = [c for c in self._contexts.accepted if c.abstract_syntax == ab_syntax]
        rejected = [c for c in self._contexts.rejected if c.abstract_syntax == ab_syntax]
        if accepted:
            syntaxes = ", ".join(f"'{c.transfer_syntax[0].name}'" for c in accepted)
            why = f"the peer accepted it with {syntaxes} only"
            advice = "propose a context for this transfer syntax alone, or convert the data set"
            if role and not any(_has_role(context, role) for context in accepted):
                why, advice = f"the role of {role.upper()} was not agreed", "propose the role"
        elif rejected:
            why = f"the peer answered '{rejected[0].status}'"
            advice = "ask its administrator, or propose other transfer syntaxes"
        else:
            why = "none was proposed"
            advice = f"use AE.add_requested_context('{ab_syntax}')"
        role_text = f" as {role.upper()}" if role else ""
        return f"No presentation context accepted for {what}{role_text}: {why}; {advice}"

    def _find_context(self, sop_class: str, role: str | None = "scu") -> PresentationContext:
        """Return the accepted context for a SOP class, whatever its transfer syntax."""
        if sop_class == _UPS_PUSH and sop_class not in self._contexts.by_syntax:
            for context in self._contexts.accepted:
                if context._abstract_syntax in _UPS and _has_role(context, role):
                    return context
        return self._get_valid_context(sop_class, "", role)

    def _check_established(self) -> None:
        if not self.is_established:
            raise RuntimeError(
                "The association with the peer must be established before a request can be sent"
            )

    def _cancel(self, send: Callable[[], None]) -> None:
        """Send a C-CANCEL; if that fails the responses tell that the association is over."""
        try:
            send()
        except UpperLayerError as exc:
            LOGGER.info("C-CANCEL request not sent to %s: %s", self._peer_text(), exc)

    # -- requests and their responses --------------------------------------------------------

    def _begin(
        self,
        request: DimseServiceType,
        context_id: int,
        data_set: DataSource | None,
        also_pending: frozenset[int] = frozenset(),
    ) -> Exchange | None:
        """Send a request; if that fails the association is aborted, and None returned."""
        if request._values.get("MessageID") is None:
            raise TypeError("msg_id must be an int, not None")
        try:
            return self.dimse.begin(request, context_id, data_set, also_pending)
        except UpperLayerError as exc:
            why = exc if self.is_established else "the association is over"
            self._give_up(f"{request.msg_type} request not sent to %s: %s", why)
            return None

    def _receive(self, request: DimseServiceType, exchange: Exchange) -> DimseServiceType | None:
        """Wait for the next response; if no valid one comes abort, and return None."""
        if isinstance(request, C_GET):
            response = self._next_of_get(exchange)
        else:
            response = exchange.next(self.dimse_timeout)
        if response is None:
            if not self.is_established:
                pass  # which has been logged
            elif self.dimse.exchanges.is_ended:
                self._give_up(f"No {request.msg_type} response, %s asks for the release instead")
            elif exchange.is_overdue:
                limit = self.ae.limits.operation_time
                self._give_up(
                    f"The {request.msg_type} operation of %s is not over after %s s, aborting; "
                    "if it may take longer set ae.limits.operation_time",
                    limit,
                )
                exchange.abandon()  # what has come and is not taken yet
            else:
                timeout = self.dimse_timeout
                self._give_up(f"No {request.msg_type} response from %s in %s s, aborting", timeout)
            return None
        if not response.is_valid_response:
            self._give_up(f"{response.msg_type} response of %s without a mandatory element")
            return None
        return response

    def _give_up(self, message: str, *values: object) -> None:
        """Log why the association is no longer of use, and abort it unless it is about to end."""
        LOGGER.error(message, self._peer_text(), *values)
        if self.is_established and not self.dimse.exchanges.is_ended:
            self.abort(block=False)

    def _ask(
        self, request: DimseServiceType, context_id: int, data_set: DataSource | None = None
    ) -> DimseServiceType | None:
        """Send a request that has one response, and return that if it came and is valid."""
        return self._begin_asking(request, context_id, data_set)()

    def _begin_asking(
        self, request: DimseServiceType, context_id: int, data_set: DataSource | None
    ) -> Callable[[], DimseServiceType | None]:
        """Send a request that has one response; return what waits for that."""
        exchange = self._begin(request, context_id, data_set)
        return lambda: None if exchange is None else self._end_of(request, exchange)

    def _end_of(self, request: DimseServiceType, exchange: Exchange) -> DimseServiceType | None:
        """Wait for the only response to a request; return it if it came and is valid."""
        try:
            return self._receive(request, exchange)
        except BaseException:  # Ctrl-C, for one
            exchange.abandon()
            raise

    def _query(self, request: _Query, identifier: Dataset) -> Responses:
        """Send a request that has an identifier and any number of responses."""
        sop_class = request.AffectedSOPClassUID or ""
        context = self._find_context(sop_class)
        if not identifier:
            raise ValueError(
                f"The identifier of a {request.msg_type} request must not be empty: it says what "
                "to look for, most often by QueryRetrieveLevel and other keys"
            )
        encoding = encoding_of(context._transfer_syntax[0])
        what = f"identifier of the {request.msg_type} request"
        data_set = encoded(identifier, encoding, what, self.ae.log_patient_data)
        if _config.LOG_REQUEST_IDENTIFIERS and self.ae.log_patient_data:
            title = f"{request.msg_type} request identifier"
            log_identifier(LOGGER, logging.INFO, title, identifier)
        also_pending = _ALSO_PENDING.get(sop_class, frozenset())
        exchange = self._begin(request, context.context_id or 0, data_set, also_pending)
        return Responses(self, request, exchange, encoding)

    def _invoke(
        self,
        request: DimseServiceType,
        sop_class: str,
        data_set: Dataset | None = None,
        role: str | None = "scu",
    ) -> Reply:
        """Send a request of a DIMSE-N service; return the status and what belongs to it."""
        context = self._find_context(sop_class, role)
        encoding = encoding_of(context._transfer_syntax[0])
        source: DataSource | None = None
        if data_set:
            what = f"data set of the {request.msg_type} request"
            source = encoded(data_set, encoding, what, self.ae.log_patient_data)
        response = self._ask(request, context.context_id or 0, source)
        if response is None:
            return lazy.pydicom.dataset.Dataset(), None
        is_assigned = isinstance(request, N_CREATE) and request.AffectedSOPInstanceUID is None
        status = status_of(response, *(("AffectedSOPInstanceUID",) if is_assigned else ()))
        if code_to_category(status.Status) not in (STATUS_SUCCESS, STATUS_WARNING):
            return status, None
        reply = self._decode(response, encoding)
        if reply is None:
            status.Status = 0x0110  # Processing failure
        return status, reply

    def _decode(self, response: DimseServiceType, encoding: Encoding) -> Dataset | None:
        """Return the data set of a response, an empty one if it has none.

        None, which is logged, if it can't be decoded.
        """
        keyword = response._data_set
        try:
            source = response.data_source
            stream = source.stream() if isinstance(source, Spool) else None
            if stream is None and keyword:
                stream = getattr(response, keyword)
            if stream is None:
                return lazy.pydicom.dataset.Dataset()
            return decode(stream, *encoding, limits=self.ae.limits)
        except Exception as exc:  # there is little that pydicom does not raise
            is_open = self.ae.log_patient_data  # of what pydicom may cite
            why = safe_text(str(exc)) if is_open else type(exc).__name__
            message = "The data set of a response of %s can't be decoded: %s: %s"
            self._log_fault(message, response.msg_type, why)
            LOGGER.debug("Decoding failed", exc_info=exc if is_open else None)
            return None
        finally:
            response._discard_data_set()


def new_request(kind: type[_Request], msg_id: int, **values: object) -> _Request:
    """Return a request; TypeError or ValueError if one of its parameters is no good."""
    request = kind()
    request.MessageID = msg_id
    for keyword, value in values.items():
        setattr(request, keyword, value)
        if keyword in kind.REQUEST_KEYWORDS and request._values[keyword] is None:
            error, what = (TypeError, "None") if value is None else (ValueError, "empty")
            raise error(f"'{keyword}' of a {request.msg_type} request must not be {what}")
    return request


def status_of(response: DimseServiceType | None, *more: str) -> Dataset:
    """Return the Status of a response, and what else it says about it; nothing if there is none."""
    if response is None:
        return lazy.pydicom.dataset.Dataset()
    values = response._values
    keywords = ("Status", *response.STATUS_OPTIONAL_KEYWORDS, *more)
    return command_elements({k: values[k] for k in keywords if values.get(k) is not None})


def _has_role(context: PresentationContext, role: str | None) -> bool:
    """Return True if we have a role in a context."""
    return role is None or bool(context.as_scp if role == "scp" else context.as_scu)


def _is_convertible(source: UID, target: UID) -> bool:
    """Return True if a data set can be converted without loss and without pixel codecs."""
    try:
        return (
            not source.is_compressed
            and not target.is_compressed
            and source.is_little_endian == target.is_little_endian
        )
    except ValueError:  # not a known transfer syntax
        return False


def encoded(
    dataset: Dataset, encoding: Encoding, what: str, log_patient_data: bool
) -> EncodedDataSet:
    """Return an encoded data set; ValueError, which tells `what` it is, if that can't be."""
    data = encode_pieces(dataset, *encoding, log_patient_data=log_patient_data)
    if data is None:
        raise ValueError(f"Failed to encode the {what}; the log of pynetdicom.dsutils says why")
    return data
