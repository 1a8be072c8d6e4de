"""Upper layers in memory: PDUs packed by hand, one layer in any state, two wired together.

Time is a number here; nothing waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from struct import pack
from typing import Any

from pynetdicom.dul.protocol import UpperLayer
from pynetdicom.limits import Limits
from pynetdicom.pdu import decode_pdu
from pynetdicom.pdu_primitives import A_ABORT, A_ASSOCIATE, A_P_ABORT, A_RELEASE, P_DATA

VERIFICATION = b"1.2.840.10008.1.1"
IMPLICIT_VR_LITTLE_ENDIAN = b"1.2.840.10008.1.2"
APPLICATION_CONTEXT = b"1.2.840.10008.3.1.1.1"
HUGE = 0xFFFFFFF0

STATES = [f"Sta{number}" for number in range(1, 14)]
CONNECTED = [state for state in STATES if state not in ("Sta1", "Sta4")]
# From the A-ASSOCIATE-RQ to the end of the association
ASSOCIATED = [state for state in CONNECTED if state not in ("Sta2", "Sta13")]

ARTIM = 30.0
CLOSE = 5.0
STALL = 60.0


def pdu(pdu_type: int, body: bytes, length: int | None = None) -> bytes:
    """Return a PDU, if wanted with a length field that lies."""
    return pack(">BBL", pdu_type, 0, len(body) if length is None else length) + body


def item(item_type: int, body: bytes) -> bytes:
    """Return an item of an A-ASSOCIATE PDU (PS3.8 9.3.2.1)."""
    return pack(">BBH", item_type, 0, len(body)) + body


def user_information(maximum_length: int = 16382) -> bytes:
    """Return the user information item, with the two sub-items that everybody sends."""
    sub_items = item(0x51, pack(">L", maximum_length)) + item(0x52, b"1.2.3.4")
    return item(0x50, sub_items)


def associate_rq(version: int = 1, called: str = "ACCEPTOR", calling: str = "REQUESTOR") -> bytes:
    """Return an A-ASSOCIATE-RQ PDU that proposes Verification as context 1 (PS3.8 9.3.2)."""
    return _associate(0x01, version, called, calling, _proposal())


def associate_ac(called: str = "ACCEPTOR", calling: str = "REQUESTOR") -> bytes:
    """Return the A-ASSOCIATE-AC PDU that accepts it (PS3.8 9.3.3)."""
    answer = item(0x21, b"\x01\0\0\0" + item(0x40, IMPLICIT_VR_LITTLE_ENDIAN))
    return _associate(0x02, 1, called, calling, answer)


def _associate(pdu_type: int, version: int, called: str, calling: str, context: bytes) -> bytes:
    fixed = pack(">HH16s16s32x", version, 0, called.ljust(16).encode(), calling.ljust(16).encode())
    return pdu(pdu_type, fixed + item(0x10, APPLICATION_CONTEXT) + context + user_information())


def _proposal() -> bytes:
    syntaxes = item(0x30, VERIFICATION) + item(0x40, IMPLICIT_VR_LITTLE_ENDIAN)
    return item(0x20, b"\x01\0\0\0" + syntaxes)


def p_data_tf(*pdvs: tuple[int, int, bytes]) -> bytes:
    """Return a P-DATA-TF PDU of (context ID, message control header, fragment) (PS3.8 9.3.5)."""
    return pdu(
        0x04,
        b"".join(
            pack(">LBB", len(data) + 2, context_id, header) + data
            for context_id, header, data in pdvs
        ),
    )


RQ = associate_rq()
AC = associate_ac()
RJ = pdu(0x03, b"\0\x01\x01\x07")
DATA = p_data_tf((1, 0x03, b"command"))
RELEASE_RQ = pdu(0x05, bytes(4))
RELEASE_RP = pdu(0x06, bytes(4))
USER_ABORT = pdu(0x07, b"\0\0\x00\x00")

PDUS = {
    "RQ": RQ,
    "AC": AC,
    "RJ": RJ,
    "DATA": DATA,
    "RELEASE-RQ": RELEASE_RQ,
    "RELEASE-RP": RELEASE_RP,
    "ABORT": USER_ABORT,
}


def provider_abort(reason: int) -> bytes:
    """Return an A-ABORT PDU of the service provider (PS3.8 9.3.8)."""
    return pdu(0x07, bytes((0, 0, 2, reason)))


def primitive_of(data: bytes) -> Any:
    """Return the primitive that a PDU stands for; the ones to send are made this way, too."""
    return decode_pdu(data[0], data[6:]).to_primitive()


def request() -> A_ASSOCIATE:
    """Return the A-ASSOCIATE request of `RQ`."""
    return primitive_of(RQ)


def acceptance() -> A_ASSOCIATE:
    """Return the A-ASSOCIATE response of `AC`."""
    return primitive_of(AC)


def rejection() -> A_ASSOCIATE:
    """Return the A-ASSOCIATE response of `RJ`."""
    return primitive_of(RJ)


def release(result: str | None = None) -> A_RELEASE:
    """Return an A-RELEASE request, or the response if there is a result."""
    primitive = A_RELEASE()
    primitive.result = result
    return primitive


def abort() -> A_ABORT:
    """Return the A-ABORT request of a user."""
    primitive = A_ABORT()
    primitive.abort_source = 0
    return primitive


def p_abort(reason: int) -> A_P_ABORT:
    """Return an A-P-ABORT."""
    primitive = A_P_ABORT()
    primitive.provider_reason = reason
    return primitive


def p_data(*pdvs: tuple[int, int, bytes]) -> P_DATA:
    """Return a P-DATA."""
    primitive = P_DATA()
    primitive.pdvs = list(pdvs)
    return primitive


def new_layer(**settings: Any) -> UpperLayer:
    """Return an upper layer in Sta1, with some settings other than the defaults."""
    values = {
        "maximum_length": 16382,
        "limits": Limits(),
        "artim_timeout": ARTIM,
        "close_timeout": CLOSE,
        "stall_timeout": STALL,
    }
    return UpperLayer(**(values | settings))


# What brings a layer from Sta1 to each state: methods with arguments. Bytes are received.
Step = Callable[[UpperLayer, float], object]


def sends(primitive: Any) -> Step:
    """Return a step: the service user sends something."""
    return lambda layer, now: layer.send(primitive, now)


def receives(data: bytes) -> Step:
    """Return a step: something comes from the peer."""
    return lambda layer, now: layer.receive_data(data, now)


def connects(layer: UpperLayer, now: float) -> None:
    """Step: there is a connection."""
    layer.connected(now)


_ACCEPTED: list[Step] = [connects, receives(RQ), sends(acceptance())]
_ESTABLISHED: list[Step] = [sends(request()), connects, receives(AC)]
_RELEASING: list[Step] = [*_ESTABLISHED, sends(release())]

STEPS: dict[str, list[Step]] = {
    "Sta1": [],
    "Sta2": [connects],
    "Sta3": [connects, receives(RQ)],
    "Sta4": [sends(request())],
    "Sta5": [sends(request()), connects],
    "Sta6": _ESTABLISHED,
    "Sta7": _RELEASING,
    "Sta8": [*_ACCEPTED, receives(RELEASE_RQ)],
    "Sta9": [*_RELEASING, receives(RELEASE_RQ)],
    "Sta10": [*_ACCEPTED, sends(release()), receives(RELEASE_RQ)],
    "Sta11": [*_RELEASING, receives(RELEASE_RQ), sends(release("affirmative"))],
    "Sta12": [*_ACCEPTED, sends(release()), receives(RELEASE_RQ), receives(RELEASE_RP)],
    "Sta13": [*_ACCEPTED, receives(RELEASE_RQ), sends(release("affirmative"))],
}


def layer_in(state: str, now: float = 0.0, **settings: Any) -> UpperLayer:
    """Return an upper layer in a state, with nothing left to send or to dispatch.

    Sta3, Sta8, Sta10, Sta12 and Sta13 are those of an acceptor, Sta5, Sta6, Sta7, Sta9 and Sta11
    those of a requestor.
    """
    layer = new_layer(**settings)
    for step in STEPS[state]:
        step(layer, now)
        layer.data_to_send()
        layer.primitives_received()
    assert layer.state == state
    return layer


def sent_by(layer: UpperLayer) -> bytes:
    """Return what a layer has to send, in one piece."""
    return b"".join(layer.data_to_send())


def received_by(layer: UpperLayer) -> list[Any]:
    """Return the primitives for a layer's user; P-DATA is made independent of its buffer."""
    primitives = layer.primitives_received()
    for primitive in primitives:
        if isinstance(primitive, P_DATA):
            primitive.pdvs = [(cx, header, bytes(data)) for cx, header, data in primitive.pdvs]
    return primitives


def merged(primitives: Iterable[Any]) -> list[Any]:
    """Return primitives with consecutive P-DATA made one, wherever the reads were cut."""
    result: list[Any] = []
    for primitive in primitives:
        if isinstance(primitive, P_DATA) and result and isinstance(result[-1], P_DATA):
            result[-1] = p_data(*result[-1].pdvs, *primitive.pdvs)
        else:
            result.append(primitive)
    return result


class Wires:
    """Two upper layers, and a transport between them that loses nothing.

    Parameters
    ----------
    cut : int, optional
        Bytes that travel at a time; by default everything at once.
    settings
        Those of both layers.

    Attributes
    ----------
    requestor, acceptor : UpperLayer
        The layers; there is a connection once the requestor asks for one.
    now : float
        The time.
    received : dict
        Of each layer, by `id`, the primitives received so far.
    """

    def __init__(self, cut: int | None = None, **settings: Any) -> None:
        self.requestor = new_layer(**settings)
        self.acceptor = new_layer(**settings)
        self.cut = cut
        self.now = 0.0
        self._received: dict[int, list[Any]] = {id(self.requestor): [], id(self.acceptor): []}
        self._is_open = False

    @classmethod
    def established(cls, cut: int | None = None, **settings: Any) -> Wires:
        """Return two layers with an association, everything received so far forgotten."""
        wires = cls(cut, **settings)
        wires.send(wires.requestor, request())
        wires.send(wires.acceptor, acceptance())
        assert wires.states == ("Sta6", "Sta6")
        wires.received(wires.requestor)
        wires.received(wires.acceptor)
        return wires

    @property
    def states(self) -> tuple[str, str]:
        """The states of requestor and acceptor."""
        return self.requestor.state, self.acceptor.state

    @property
    def is_open(self) -> bool:
        """True while there is a connection."""
        return self._is_open

    def received(self, layer: UpperLayer) -> list[Any]:
        """Return the primitives that a layer has received, and forget them."""
        primitives = merged(self._received[id(layer)])
        self._received[id(layer)] = []
        return primitives

    def send(self, layer: UpperLayer, *primitives: Any) -> None:
        """Let a user send, and everything come to rest."""
        for primitive in primitives:
            layer.send(primitive, self.now)
        self.settle()

    def settle(self) -> None:
        """Carry bytes, open and close the connection until nothing more happens."""
        while any([self._connect(), self._carry(), self._close()]):
            pass

    def lose(self) -> None:
        """Break the connection: both ends see it closed, with what was under way lost."""
        self._is_open = False
        for layer in self._layers:
            layer.receive_eof(self.now)
            self._collect(layer)

    def wait(self, layer: UpperLayer) -> None:
        """Let the time pass until a layer's deadline, and everything come to rest."""
        assert layer.deadline is not None
        self.now = layer.deadline
        layer.handle_timeout(self.now)
        self.settle()

    @property
    def _layers(self) -> Sequence[UpperLayer]:
        return self.requestor, self.acceptor

    def _connect(self) -> bool:
        if not self.requestor.connect_requested:
            return False
        self._is_open = True
        self.requestor.connected(self.now)
        self.acceptor.connected(self.now)
        return True

    def _carry(self) -> bool:
        moved = False
        for source, target in ((self.requestor, self.acceptor), (self.acceptor, self.requestor)):
            data = sent_by(source) if self._is_open else b""
            step = self.cut or max(len(data), 1)
            for start in range(0, len(data), step):
                target.receive_data(data[start : start + step], self.now)
                self._collect(target)
                moved = True
            self._collect(source)
        return moved

    def _close(self) -> bool:
        """Close when one end wants it; the other end sees that, this one knows."""
        if not self._is_open or not any(layer.close_requested for layer in self._layers):
            return False
        self._is_open = False
        for layer in self._layers:
            if not layer.close_requested:
                layer.receive_eof(self.now)
                self._collect(layer)
        return True

    def _collect(self, layer: UpperLayer) -> None:
        self._received[id(layer)] += received_by(layer)
