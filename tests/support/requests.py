"""A raw peer that is asked by an association of ours, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from pydicom.dataset import Dataset

from pynetdicom import AE, Association
from tests.support import raw
from tests.support.associations import association

PATIENT_ROOT = "1.2.840.10008.5.1.4.1.2.1."
FIND, MOVE, GET = (PATIENT_ROOT + number for number in "123")
OFFENDING, COMMENT, ERROR_ID = 0x0901, 0x0902, 0x0903

# A data set of one element, Patient ID, in Implicit VR Little Endian
PATIENT_12 = raw.data_element(0x0010, 0x0020, b"12")


def patient(number: str = "12") -> Dataset:
    """Return a data set of one element, Patient ID."""
    found = Dataset()
    found.PatientID = number
    return found


def answer(
    request: raw.Message,
    status: int = 0x0000,
    data: bytes | None = None,
    more: Mapping[int, bytes | None] | None = None,
) -> bytes:
    """Return a response to a request, with further elements or without those that are None."""
    elements: dict[int, bytes | None] = {
        raw.COMMAND_FIELD: raw.us(request.number(raw.COMMAND_FIELD) | 0x8000),
        raw.RESPONDED_TO: request.elements[raw.MESSAGE_ID],
        raw.DATA_SET_TYPE: raw.us(raw.NO_DATA_SET if data is None else raw.HAS_DATA_SET),
        raw.STATUS: raw.us(status),
        **(more or {}),
    }
    given = {number: value for number, value in elements.items() if value is not None}
    return raw.message(given, request.context_id, data)


def end(peer: raw.Peer) -> None:
    """See the association released, aborted or closed, whatever comes before."""
    with suppress(raw.Closed):
        while (kind := peer.read_pdu().pdu_type) != raw.ABORT:
            if kind == raw.RELEASE_RQ:
                peer.send(raw.release_rp())


@contextmanager
def asking(
    script: Callable[[raw.Peer], object],
    contexts: Sequence[Any],
    ae: AE | None = None,
    answers: Mapping[str, Any] | None = None,
    **arguments: Any,
) -> Iterator[Association]:
    """Associate with a raw peer that accepts everything, runs a script and sees the end.

    `answers` are fields of its A-ASSOCIATE-AC, other arguments those of ``AE.associate()``.
    """

    def serve(peer: raw.Peer) -> None:
        peer.accept(**(answers or {}))
        script(peer)
        end(peer)

    with raw.serving(serve) as server, association(server.port, contexts, ae, **arguments) as assoc:
        yield assoc


def answering(*answers: tuple[Any, ...]) -> Callable[[raw.Peer], None]:
    """Return a script that answers one request: each a status, a data set and more elements."""

    def script(peer: raw.Peer) -> None:
        request = peer.read_message()
        peer.send(*(answer(request, *values) for values in answers))

    return script


# Ways in which a peer answers nothing that is of use; each is given the peer and the request
USELESS: dict[str, Callable[[raw.Peer, raw.Message], object]] = {
    "no-status": lambda peer, rq: peer.send(answer(rq, more={raw.STATUS: None})),
    "no-message-id": lambda peer, rq: peer.send(answer(rq, more={raw.RESPONDED_TO: None})),
    "other-message-id": lambda peer, rq: peer.send(answer(rq, more={raw.RESPONDED_TO: raw.us(9)})),
    "other-command": lambda peer, rq: peer.send(
        answer(rq, more={raw.COMMAND_FIELD: raw.us(0x8030)})
    ),
    "other-context": lambda peer, rq: peer.send(answer(rq._replace(context_id=99))),
    "abort": lambda peer, rq: peer.send(raw.abort()),
    "reset": lambda peer, rq: peer.reset(),
    "close": lambda peer, rq: peer.close(),
    "silence": lambda peer, rq: None,
}


def uselessly(kind: str, before: int = 0) -> Callable[[raw.Peer], None]:
    """Return a script that answers a request uselessly, after so many Pending responses."""

    def script(peer: raw.Peer) -> None:
        peer.accept()
        request = peer.read_message()
        peer.send(*[answer(request, 0xFF00, PATIENT_12)] * before)
        USELESS[kind](peer, request)
        if kind not in ("reset", "close"):
            end(peer)

    return script
