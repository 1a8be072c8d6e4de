"""The default logging handlers, handlers for debugging, and what the handlers of users get.

The functions ``doc_handle_*`` at the end are documentation only: one for each kind of event, with
the attributes of the :class:`~pynetdicom.events.Event` and what is expected in return.
"""

from __future__ import annotations

import logging
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec

from pynetdicom.dimse_messages import decode_command
from pynetdicom.status import code_to_category
from pynetdicom.utils import make_uid, pretty_bytes, safe_text

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from pydicom.dataset import Dataset
    from pydicom.uid import UID

    from pynetdicom.dimse_messages import DIMSEMessage
    from pynetdicom.events import Event
    from pynetdicom.pdu_primitives import SOPClassCommonExtendedNegotiation

    Status = int | Dataset
    Instance = Dataset | str | os.PathLike[str]

LOGGER = logging.getLogger(__name__)

_P = ParamSpec("_P")

# The PDUs as PS3.8 9.3 names them, by PDU type
_PDU_NAMES = {
    0x01: "A-ASSOCIATE-RQ",
    0x02: "A-ASSOCIATE-AC",
    0x03: "A-ASSOCIATE-RJ",
    0x04: "P-DATA-TF",
    0x05: "A-RELEASE-RQ",
    0x06: "A-RELEASE-RP",
    0x07: "A-ABORT",
}

# What there is about a patient in the command set of a message
_WITHHELD = frozenset({"AffectedSOPInstanceUID", "RequestedSOPInstanceUID", "ErrorComment"})

# Programs that do not set up logging get none of it on stderr
logging.getLogger("pynetdicom").addHandler(logging.NullHandler())


def debug_logger() -> None:
    """Show what the package logs, DEBUG messages included, on stderr.

    The handlers of the logger ``pynetdicom`` are replaced by one that writes lines such as
    ``I: Association Accepted``, with the first letter of the level.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname).1s: %(message)s"))
    logger = logging.getLogger("pynetdicom")
    for present in list(logger.handlers):
        logger.removeHandler(present)
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)


def _never_raises(log: Callable[_P, None]) -> Callable[_P, None]:
    """Make a handler of `log`: whatever is wrong with a log line, the association goes on."""

    @wraps(log)
    def handler(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            log(*args, **kwargs)
        except Exception:
            LOGGER.exception("Unable to log an event in %s", log.__name__)

    return handler


@_never_raises
def standard_pdu_recv_handler(event: Event) -> None:
    """Log a PDU that was received; bound to EVT_PDU_RECV by default."""
    _log_pdu(event, "Received from")


@_never_raises
def standard_pdu_sent_handler(event: Event) -> None:
    """Log a PDU that was sent; bound to EVT_PDU_SENT by default."""
    _log_pdu(event, "Sent to")


@_never_raises
def standard_dimse_recv_handler(event: Event) -> None:
    """Log a DIMSE message that was received; bound to EVT_DIMSE_RECV by default."""
    _log_message(event, "Received from")


@_never_raises
def standard_dimse_sent_handler(event: Event) -> None:
    """Log a DIMSE message that was sent; bound to EVT_DIMSE_SENT by default."""
    _log_message(event, "Sent to")


@_never_raises
def debug_fsm(event: Event) -> None:
    """Log a transition of the state machine, when bound to EVT_FSM_TRANSITION.

    The line begins with R in an association requestor, and with A in an acceptor.
    """
    LOGGER.debug(
        "%s: %s + %s -> %s -> %s",
        "R" if event.assoc.is_requestor else "A",
        event.current_state,
        event.fsm_event,
        event.action,
        event.next_state,
    )


@_never_raises
def debug_data(
    event: Event,
    pdu_type: int | None = None,
    print_raw: bool = True,
    print_summary: bool = False,
) -> None:
    """Log encoded PDUs, when bound to EVT_DATA_RECV or EVT_DATA_SENT.

    What user identity items contain (PS3.7 D.3.3.7) is replaced by asterisks.

    Parameters
    ----------
    event : events.Event
        The event.
    pdu_type : int, optional
        Log PDUs of this type only (PS3.8 9.3), 1 to 7; None (default) for all.
    print_raw : bool, optional
        Log the bytes in hexadecimal form, the first 512 of them.
    print_summary : bool, optional
        Log a line with type and length.
    """
    data = bytes(event.data)
    if not data or pdu_type not in {None, data[0]}:
        return
    if print_summary:
        direction = "Received" if event.event.name == "EVT_DATA_RECV" else "Sent"
        name = _PDU_NAMES.get(data[0], "unknown type of PDU")
        LOGGER.debug("%s 0x%02X - %s (%d bytes)", direction, data[0], name, len(data))
    if print_raw and data[0] == 0x04 and not event.assoc.ae.log_patient_data:
        LOGGER.debug("  (bytes of messages are withheld: log_patient_data is False)")
    elif print_raw:
        lines = pretty_bytes(_mask_identity(data), prefix="  ", delimiter=" ")
        LOGGER.debug("%s", "\n".join(lines))


def _log_pdu(event: Event, direction: str) -> None:
    """Log a PDU, unless it is a P-DATA-TF: those are logged as messages."""
    if LOGGER.isEnabledFor(logging.DEBUG) and _PDU_NAMES.get(event.pdu.pdu_type) != "P-DATA-TF":
        LOGGER.debug("%s %s:\n%s", direction, event.assoc._peer_text(), _safe_lines(event.pdu))


def _log_message(event: Event, direction: str) -> None:
    """Log a DIMSE message: one line at the level INFO, all of it at DEBUG."""
    if not LOGGER.isEnabledFor(logging.INFO):
        return
    peer, shows = event.assoc._peer_text(), event.assoc.ae.log_patient_data
    LOGGER.info("%s %s: %s", direction, peer, _summary(event.message, shows))
    if LOGGER.isEnabledFor(logging.DEBUG):
        dump = _safe_lines(event.message)
        LOGGER.debug("%s %s:\n%s", direction, peer, dump if shows else _without_patient_data(dump))


def _without_patient_data(dump: str) -> str:
    """Return the log form of a DIMSE message without what can be about a patient."""
    lines = []
    for line in dump.split("\n"):
        keyword, colon, _ = line.partition(" : ")
        lines.append(f"{keyword} : (withheld)" if colon and keyword.strip() in _WITHHELD else line)
    return "\n".join(lines)


def _safe_lines(item: object) -> str:
    """Return the log form of `item`, with whatever in a line could act on a terminal escaped.

    It is logged as one record, so that those of several associations do not mix.
    """
    return "\n".join(
        line if line.isprintable() else line.encode("unicode_escape").decode("ascii")
        for line in str(item).split("\n")
    )


def _summary(message: DIMSEMessage, shows_patient_data: bool) -> str:
    """Return what a message is, and what tells it from others of its kind."""
    _, values = decode_command(message.encoded_command_set.getvalue())
    message_id = values.get("MessageID", values.get("MessageIDBeingRespondedTo"))
    parts = [f"message {message_id}", f"context {message.context_id}"]
    sop_class = values.get("AffectedSOPClassUID") or values.get("RequestedSOPClassUID")
    if sop_class:
        parts.append(safe_text(make_uid(sop_class).name))
    instance = values.get("AffectedSOPInstanceUID") or values.get("RequestedSOPInstanceUID")
    if instance and shows_patient_data:
        parts.append(f"instance {safe_text(instance)}")
    status = values.get("Status")
    if status is not None:
        parts.append(f"status 0x{status:04X} ({code_to_category(status)})")
    if values.get("ErrorComment") and shows_patient_data:
        parts.append(f"'{safe_text(values['ErrorComment'])}'")
    return f"{type(message).__name__.replace('_', '-')} ({', '.join(parts)})"


def _mask_identity(data: bytes) -> bytes:
    """Return an encoded PDU with asterisks for what its user identity items contain.

    Those are the sub-items 58H and 59H of the user information item 50H in an A-ASSOCIATE-RQ or
    -AC (PS3.8 9.3.2, PS3.7 D.3.3.7). From the first length on that is wrong all is masked.
    """
    if data[0] not in {0x01, 0x02}:
        return data
    masked = bytearray(data)
    start = 74  # the header and the fixed fields
    while start < len(data):
        kind = data[start]
        # The sub-items follow upon the header of the user information item
        end = start + 4
        if kind != 0x50:
            end += int.from_bytes(data[start + 2 : start + 4], "big")
        is_secret = kind in {0x58, 0x59} or end > len(data)
        if is_secret:
            masked[start + 4 : end] = b"*" * len(masked[start + 4 : end])
        start = end
    return bytes(masked)


# ------------------------------------------------------------- documentation
#
# Every event has the attributes `assoc`, `event` and `timestamp`, and those of requests have
# `request`, `context` and `message_id` besides; the docstrings list what there is more. Handlers
# of requests run in the thread of their association, in the order in which the requests come,
# unless AE.concurrent_operations lets several be served at the same time.


def doc_handle_echo(event: Event) -> Status:
    """Answer a C-ECHO request: EVT_C_ECHO (PS3.7 9.1.5).

    Without a handler the answer is 0x0000 (Success), and so it is whenever a handler fails.

    Returns
    -------
    int or pydicom.dataset.Dataset
        The status, as an int or as a data set with (0000,0900) *Status* and maybe
        (0000,0902) *Error Comment*.
    """
    return 0x0000


def doc_handle_store(event: Event) -> Status:
    """Answer a C-STORE request: EVT_C_STORE (PS3.7 9.1.1, PS3.4 Annex B).

    The requestor of an association gets it too, for the data sets that its C-GET asked for.
    Without a handler, and when it raises an exception, the answer is 0xC211.

    Attributes of the event: `dataset`, `dataset_path`, `file_meta`, the methods
    `encoded_dataset()` and `save_as()`.

    Returns
    -------
    int or pydicom.dataset.Dataset
        The status, such as 0x0000 (Success), 0xA700 (out of resources), 0xA900 (data set does
        not match SOP class) or 0xC000 (cannot understand). Of a data set the elements
        *Status*, *Error Comment* and *Offending Element* are sent.
    """
    return 0x0000


def doc_handle_find(event: Event) -> Iterator[tuple[Status, Dataset | None]]:
    """Answer a C-FIND request: EVT_C_FIND (PS3.7 9.1.2, PS3.4 Annexes C, K, Q, V, CC).

    Without a handler, and when it raises an exception, the answer is 0xC311; a match without
    elements, or one that can't be encoded, ends the operation with 0xC312. Success is sent when
    the handler ends without it. A generator is closed (GeneratorExit) at once when the operation
    ends before it does: by a final status, an abort, or the peer's request for release.

    Attributes of the event: `identifier`, `is_cancelled`.

    Yields
    ------
    status : int or pydicom.dataset.Dataset
        0xFF00 or 0xFF01 (Pending) for each match. Any other status but a warning ends the
        operation: 0xFE00 after a cancel, 0xA700 (out of resources), 0xA900 (identifier does not
        match SOP class), 0xC000 (unable to process).
    identifier : pydicom.dataset.Dataset or None
        The match, None with any status but Pending.
    """
    yield 0x0000, None


def doc_handle_c_get(event: Event) -> Iterator[int | tuple[Status, Instance | None]]:
    """Answer a C-GET request: EVT_C_GET (PS3.7 9.1.3, PS3.4 C.4.3).

    Without a handler, and when it raises an exception, the answer is 0xC411. The instances go
    back on the same association, in contexts for which the peer has the role of SCP; one that
    can't be sent counts as failed, and the retrieval goes on. A generator is closed as for
    :func:`doc_handle_find`.

    Attributes of the event: `identifier`, `is_cancelled`.

    Yields
    ------
    int
        First, the number of instances that will follow, up to 65535.
    status : int or pydicom.dataset.Dataset
        0xFF00 (Pending) for each instance to send; 0xFE00 after a cancel, or a failure such
        as 0xA701 (unable to count the matches) or 0xC000 (unable to process), to end.
    instance : pydicom.dataset.Dataset, str, os.PathLike or None
        What to send: a data set with file meta information, or the path of a DICOM file, which
        is not decoded if the peer has accepted its transfer syntax. With a cancel, a warning or
        a failure it may be a data set with (0008,0058) *Failed SOP Instance UID List*.
    """
    yield 0


def doc_handle_move(
    event: Event,
) -> Iterator[tuple[str | None, int | None] | int | tuple[Status, Instance | None]]:
    """Answer a C-MOVE request: EVT_C_MOVE (PS3.7 9.1.4, PS3.4 C.4.2).

    Without a handler, and when it raises an exception, the answer is 0xC511. The AE that serves
    requests an association with the destination and proposes the `contexts` that the handler
    names, or else its own `requested_contexts`. If there are neither, and for an instance that
    none of them fits, another association is made whose contexts are planned from the instances:
    SOP class and transfer syntax of each. One that can't be sent counts as failed, and the
    retrieval goes on. A generator is closed as for :func:`doc_handle_find`.

    Attributes of the event: `identifier`, `is_cancelled`, `move_destination`.

    Yields
    ------
    address, port : str, int
        First, where to find the AE `move_destination`, maybe with a dict as third item: keyword
        arguments for :meth:`AE.associate()<pynetdicom.ae.ApplicationEntity.associate>`.
        ``(None, None)`` for an unknown destination answers 0xA801.
    int
        Second, the number of instances that will follow.
    status, instance
        As of :func:`doc_handle_c_get`.
    """
    yield None, None


def doc_handle_action(event: Event) -> tuple[Status, Dataset | None]:
    """Answer an N-ACTION request: EVT_N_ACTION (PS3.7 10.1.4).

    Without a handler, and when it raises an exception, the answer is 0x0110.

    Attributes of the event: `action_type`, `action_information`.

    Returns
    -------
    status : int or pydicom.dataset.Dataset
        The status. Of a data set all elements are sent that the response has.
    action_reply : pydicom.dataset.Dataset or None
        The *Action Reply*, sent if the status is a success or a warning.
    """
    return 0x0000, None


def doc_handle_create(event: Event) -> tuple[Status, Dataset | None]:
    """Answer an N-CREATE request: EVT_N_CREATE (PS3.7 10.1.5).

    Without a handler, and when it raises an exception, the answer is 0x0110.

    Attributes of the event: `attribute_list`.

    Returns
    -------
    status : int or pydicom.dataset.Dataset
        The status. Of a data set all elements are sent that the response has.
    attribute_list : pydicom.dataset.Dataset or None
        The *Attribute List* of the new SOP instance, sent if the status is a success or
        a warning. (0000,1000) *Affected SOP Instance UID* is moved from it to the response; with
        a success it must be there if the request had none.
    """
    return 0x0000, None


def doc_handle_delete(event: Event) -> Status:
    """Answer an N-DELETE request: EVT_N_DELETE (PS3.7 10.1.6).

    Without a handler, and when it raises an exception, the answer is 0x0110.

    Returns
    -------
    int or pydicom.dataset.Dataset
        The status. Of a data set all elements are sent that the response has.
    """
    return 0x0000


def doc_handle_event_report(event: Event) -> tuple[Status, Dataset | None]:
    """Answer an N-EVENT-REPORT request: EVT_N_EVENT_REPORT (PS3.7 10.1.1).

    The SCP of the SOP class sends it, on the association of the request that it is about or on
    one of its own; so the handler may have to be bound to the association, or to a server.
    Without a handler, and when it raises an exception, the answer is 0x0110. It runs in the
    thread of the association, as the handlers of all requests do, so that reports are handled
    in the order in which they come; it may send requests itself. Only where
    ``AE.concurrent_operations`` was raised and negotiated can several run at the same time.

    Attributes of the event: `event_type`, `event_information`.

    Returns
    -------
    status : int or pydicom.dataset.Dataset
        The status. Of a data set all elements are sent that the response has.
    event_reply : pydicom.dataset.Dataset or None
        The *Event Reply*, sent if the status is a success or a warning.
    """
    return 0x0000, None


def doc_handle_n_get(event: Event) -> tuple[Status, Dataset | None]:
    """Answer an N-GET request: EVT_N_GET (PS3.7 10.1.2).

    Without a handler, and when it raises an exception, the answer is 0x0110.

    Attributes of the event: `attribute_identifiers`.

    Returns
    -------
    status : int or pydicom.dataset.Dataset
        The status. Of a data set all elements are sent that the response has.
    attribute_list : pydicom.dataset.Dataset or None
        The *Attribute List*, sent if the status is a success or a warning.
    """
    return 0x0000, None


def doc_handle_set(event: Event) -> tuple[Status, Dataset | None]:
    """Answer an N-SET request: EVT_N_SET (PS3.7 10.1.3).

    Without a handler, and when it raises an exception, the answer is 0x0110.

    Attributes of the event: `modification_list`.

    Returns
    -------
    status : int or pydicom.dataset.Dataset
        The status. Of a data set all elements are sent that the response has.
    attribute_list : pydicom.dataset.Dataset or None
        The *Attribute List* as modified, sent if the status is a success or a warning.
    """
    return 0x0000, None


def doc_handle_async(event: Event) -> tuple[int, int]:
    """Answer the proposal of an asynchronous operations window: EVT_ASYNC_OPS (PS3.7 D.3.3.3).

    Without a handler ``AE.concurrent_operations`` is the answer; if that is 1 the proposal is not
    answered, which means (1, 1).

    Attributes of the event: `nr_invoked`, `nr_performed`, the numbers that the requestor
    proposes for itself; 0 means no limit.

    Returns
    -------
    tuple of int
        The numbers of operations that the requestor may invoke and perform at a time. The
        smaller of what was proposed and of these is replied; 0 means no limit.
    """
    return 1, 1


def doc_handle_sop_common(
    event: Event,
) -> dict[UID, SOPClassCommonExtendedNegotiation]:
    """Take note of related SOP classes: EVT_SOP_COMMON (PS3.7 D.3.3.6).

    Without a handler nothing is accepted.

    Attributes of the event: `items`, the proposed items by their SOP class.

    Returns
    -------
    dict
        The items that are accepted, by SOP class. Requests for such a class are then served like
        those for its service class.
    """
    return event.items


def doc_handle_sop_extended(event: Event) -> dict[UID, bytes]:
    """Answer SOP class extended negotiation items: EVT_SOP_EXTENDED (PS3.7 D.3.3.5).

    Without a handler none is answered.

    Attributes of the event: `app_info`, the proposed service class application information by
    SOP class.

    Returns
    -------
    dict
        The service class application information to answer, by SOP class.
    """
    return event.app_info


def doc_handle_userid(event: Event) -> tuple[bool, bytes | None]:
    """Check the identity of a user: EVT_USER_ID (PS3.7 D.3.3.7).

    Without a handler every identity is accepted. When the handler raises an exception the
    association is rejected.

    Attributes of the event: `user_id_type` (1 user name, 2 user name and passcode, 3 Kerberos
    service ticket, 4 SAML assertion, 5 JSON web token), `primary_field` and `secondary_field`,
    bytes; the latter has the passcode and is empty but for type 2.

    Returns
    -------
    is_verified : bool
        False to reject the association.
    response : bytes or None
        The server response for types 3 to 5, sent if the requestor asked for a response.
    """
    return True, None


def doc_handle_acse(event: Event) -> None:
    """Get to know of a primitive of the upper layer service: EVT_ACSE_RECV, EVT_ACSE_SENT.

    Attributes of the event: `primitive`, an A_ASSOCIATE, A_RELEASE, A_ABORT or A_P_ABORT of
    :mod:`pynetdicom.pdu_primitives` (PS3.8 7).
    """


def doc_handle_assoc(event: Event) -> None:
    """Get to know of the life of an association.

    For EVT_REQUESTED, EVT_ACCEPTED, EVT_ESTABLISHED, EVT_REJECTED, EVT_RELEASED and EVT_ABORTED.
    A handler of EVT_REQUESTED may abort or reject the association.
    """


def doc_handle_data(event: Event) -> None:
    """Get to know of the bytes of a PDU: EVT_DATA_RECV, EVT_DATA_SENT.

    Attributes of the event: `data`, the bytes of one PDU (PS3.8 9.3).
    """


def doc_handle_dimse(event: Event) -> None:
    """Get to know of a DIMSE message: EVT_DIMSE_RECV, EVT_DIMSE_SENT.

    Attributes of the event: `message`, such as a C_FIND_RQ of :mod:`pynetdicom.dimse_messages`
    with `command_set`, `data_set` and `context_id`.
    """


def doc_handle_fsm(event: Event) -> None:
    """Get to know of a transition of the state machine: EVT_FSM_TRANSITION (PS3.8 9.2).

    Attributes of the event: `current_state`, `fsm_event`, `action` and `next_state`, for
    example ``"Sta1"``, ``"Evt1"``, ``"AE-1"`` and ``"Sta4"``.
    """


def doc_handle_pdu(event: Event) -> None:
    """Get to know of a PDU: EVT_PDU_RECV, EVT_PDU_SENT.

    Attributes of the event: `pdu`, such as an A_ASSOCIATE_RQ of :mod:`pynetdicom.pdu`.
    """


def doc_handle_transport(event: Event) -> None:
    """Get to know of the connection: EVT_CONN_OPEN, EVT_CONN_CLOSE.

    Attributes of the event: `address`, that of the peer: ``(host, port)``, or for IPv6
    ``(host, port, flow info, scope id)``.
    """
