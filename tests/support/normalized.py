"""Requests of the DIMSE-N services as a raw peer sends them (PS3.7 10.3), and an SCP to ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from pydicom.dataset import Dataset

from pynetdicom import evt
from tests.support import raw
from tests.support.associations import EventLog, port_of

REQUESTED_CLASS, REQUESTED_INSTANCE = 0x0003, 0x1001
EVENT_TYPE, IDENTIFIERS, ACTION_TYPE = 0x1002, 0x1005, 0x1008
INSTANCE = "1.2.826.0.1.3680043.9.3811.7"
FILM_SESSION = "1.2.840.10008.5.1.1.1"


class Service(NamedTuple):
    """A DIMSE-N service.

    Attributes
    ----------
    field : int
        The command field of its request.
    sop_class, instance : int
        The elements of the request with the UIDs.
    type_id : int or None
        The element that both request and response have with the type of an event or action.
    """

    field: int
    sop_class: int
    instance: int
    type_id: int | None = None


SERVICES = {
    "N_EVENT_REPORT": Service(0x0100, raw.SOP_CLASS, raw.SOP_INSTANCE, EVENT_TYPE),
    "N_GET": Service(0x0110, REQUESTED_CLASS, REQUESTED_INSTANCE),
    "N_SET": Service(0x0120, REQUESTED_CLASS, REQUESTED_INSTANCE),
    "N_ACTION": Service(0x0130, REQUESTED_CLASS, REQUESTED_INSTANCE, ACTION_TYPE),
    "N_CREATE": Service(0x0140, raw.SOP_CLASS, raw.SOP_INSTANCE),
    "N_DELETE": Service(0x0150, REQUESTED_CLASS, REQUESTED_INSTANCE),
}
# Those whose handlers return a status and a data set
WITH_DATA_SET = [name for name in SERVICES if name != "N_DELETE"]

# A data set of one element, Patient ID, as a user has it and in Implicit VR Little Endian
PATIENT_ID = raw.data_element(0x0010, 0x0020, b"12")


def patient() -> Dataset:
    """Return the data set that `PATIENT_ID` is."""
    found = Dataset()
    found.PatientID = "12"
    return found


def request(
    name: str,
    sop_class: str = FILM_SESSION,
    instance: str | None = INSTANCE,
    message_id: int = 1,
    has_data_set: bool = False,
    **elements: bytes,
) -> dict[int, bytes]:
    """Return the command set of a request; `elements` are further ones, ``e1005`` for example."""
    service = SERVICES[name]
    found = {
        service.sop_class: raw.ui(sop_class.encode()),
        raw.COMMAND_FIELD: raw.us(service.field),
        raw.MESSAGE_ID: raw.us(message_id),
        raw.DATA_SET_TYPE: raw.us(raw.HAS_DATA_SET if has_data_set else raw.NO_DATA_SET),
    }
    if instance is not None:
        found[service.instance] = raw.ui(instance.encode())
    if service.type_id is not None:
        found[service.type_id] = raw.us(3)
    found.update({int(key[1:], 16): value for key, value in elements.items()})
    return found


def send(peer: raw.Peer, name: str, data: bytes | None = None, **fields: Any) -> None:
    """Send a request in context 1; an N-SET has a data set anyway."""
    if data is None and name == "N_SET":
        data = PATIENT_ID
    peer.send(raw.message(request(name, has_data_set=data is not None, **fields), 1, data))


def ask(peer: raw.Peer, name: str, data: bytes | None = None, **fields: Any) -> raw.Message:
    """Send a request in context 1 and return the response."""
    send(peer, name, data, **fields)
    response = peer.read_message()
    assert response.context_id == 1
    assert response.number(raw.COMMAND_FIELD) == SERVICES[name].field | 0x8000
    assert response.number(raw.RESPONDED_TO) == fields.get("message_id", 1)
    assert bool(response.data) is (response.number(raw.DATA_SET_TYPE) != raw.NO_DATA_SET)
    return response


def associated(port: int, sop_class: str = FILM_SESSION, syntax: bytes = raw.IMPLICIT) -> raw.Peer:
    """Associate with a port of this host, with context 1 for a SOP class."""
    return raw.associated(port, raw.proposal(1, sop_class.encode(), syntax))


class Provider:
    """An SCP with one handler for the request of a DIMSE-N service, and the raw peer that asks it.

    Parameters
    ----------
    start_scp : callable
        The fixture that starts SCPs.
    name : str
        The service, ``"N_GET"`` for example.
    handler : callable, optional
        The handler of its event; without, none is bound.
    contexts : sequence, optional
        What it supports: print management's film sessions by default.
    syntax : bytes, optional
        The transfer syntax of context 1.

    Attributes
    ----------
    log : EventLog
        The ends of its associations, and what it sends.
    """

    def __init__(
        self,
        start_scp: Callable[..., Any],
        name: str,
        handler: Callable[[Any], Any] | None = None,
        contexts: Sequence[Any] = (FILM_SESSION,),
        syntax: bytes = raw.IMPLICIT,
    ) -> None:
        self.name = name
        self.log = EventLog("ABORTED RELEASED DIMSE_SENT")
        handlers = list(self.log.bindings)
        if handler is not None:
            handlers.append((getattr(evt, f"EVT_{name}"), handler))
        self.port = port_of(start_scp(contexts, handlers))
        self._syntax = syntax

    @contextmanager
    def peer(self) -> Iterator[raw.Peer]:
        """Give an associated peer."""
        with associated(self.port, syntax=self._syntax) as peer:
            yield peer

    def ask(self, data: bytes | None = None, **fields: Any) -> raw.Message:
        """Return the response to a request, after which the association is released."""
        with self.peer() as peer:
            response = ask(peer, self.name, data, **fields)
            peer.release()
        return response

    def refusal(self, data: bytes | None = None, **fields: Any) -> tuple[int, int]:
        """Return source and reason of the abort that a request is answered with."""
        with self.peer() as peer:
            send(peer, self.name, data, **fields)
            answer = peer.expect_abort()
        self.log.wait_for("ABORTED").assoc.join(raw.PATIENCE)
        assert self.log.all("DIMSE_SENT") == []
        return answer
