"""A DICOM peer made of a socket and `struct`, which sends what a test packs, right or wrong.

It shares no code with the library: it is a client, or a server that runs a script for each of
its connections in a thread. Sockets have a timeout, so that a test that fails does not hang.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from struct import Struct, pack
from typing import Any, NamedTuple

from tests.support.sockets import HOST, PATIENCE, reset

VERIFICATION = b"1.2.840.10008.1.1"
CT_IMAGE = b"1.2.840.10008.5.1.4.1.1.2"
MR_IMAGE = b"1.2.840.10008.5.1.4.1.1.4"
IMPLICIT = b"1.2.840.10008.1.2"
EXPLICIT = b"1.2.840.10008.1.2.1"
DEFLATED = b"1.2.840.10008.1.2.1.99"
APPLICATION_CONTEXT = b"1.2.840.10008.3.1.1.1"
INSTANCE = b"1.2.826.0.1.3680043.9.3811.1"

# PDU types (PS3.8 9.3)
ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA_TF, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)

# Message control header (PS3.8 E.2)
DATA, COMMAND, LAST = 0, 1, 2
LAST_COMMAND = COMMAND | LAST

_HEADER = Struct(">BBL")


# -- PDUs (PS3.8 9.3) ------------------------------------------------------------------------


def pdu(pdu_type: int, body: bytes = b"", length: int | None = None) -> bytes:
    """Return a PDU, if wanted with a length field that lies."""
    return _HEADER.pack(pdu_type, 0, len(body) if length is None else length) + body


def header(pdu_type: int, length: int) -> bytes:
    """Return the header of a PDU of which nothing follows."""
    return pdu(pdu_type, length=length)


def item(item_type: int, body: bytes = b"", length: int | None = None) -> bytes:
    """Return an item of an A-ASSOCIATE PDU, if wanted with a length field that lies."""
    return pack(">BBH", item_type, 0, len(body) if length is None else length) + body


def proposal(context_id: int, abstract_syntax: bytes, *transfer_syntaxes: bytes) -> bytes:
    """Return the presentation context item of a request (PS3.8 9.3.2.2)."""
    syntaxes = [item(0x30, abstract_syntax), *(item(0x40, uid) for uid in transfer_syntaxes)]
    return item(0x20, bytes((context_id, 0, 0, 0)) + b"".join(syntaxes))


def answer(context_id: int, result: int = 0, transfer_syntax: bytes | None = IMPLICIT) -> bytes:
    """Return the presentation context item of a response (PS3.8 9.3.3.2)."""
    syntax = b"" if transfer_syntax is None else item(0x40, transfer_syntax)
    return item(0x21, bytes((context_id, 0, result, 0)) + syntax)


def user_information(*sub_items: bytes, maximum_length: int = 16382) -> bytes:
    """Return the user information item: what everybody sends, and more (PS3.7 D.3.3)."""
    usual = item(0x51, pack(">L", maximum_length)) + item(0x52, b"1.2.3.4")
    return item(0x50, usual + b"".join(sub_items))


def user_identity(kind: int, primary: bytes, secondary: bytes = b"", wants: int = 0) -> bytes:
    """Return the user identity sub-item of a request (PS3.7 D.3.3.7)."""
    fields = pack(">H", len(primary)) + primary + pack(">H", len(secondary)) + secondary
    return item(0x58, bytes((kind, wants)) + fields)


def roles(sop_class: bytes, scu: int, scp: int) -> bytes:
    """Return the role selection sub-item (PS3.7 D.3.3.4)."""
    return item(0x54, pack(">H", len(sop_class)) + sop_class + bytes((scu, scp)))


ECHO_CONTEXT = proposal(1, VERIFICATION, IMPLICIT)
STORE_CONTEXT = proposal(3, CT_IMAGE, IMPLICIT)


def associate(
    pdu_type: int,
    *items: bytes,
    version: int = 1,
    called: bytes = b"ACCEPTOR",
    calling: bytes = b"REQUESTOR",
    reserved: bytes = b"",
    application: bytes = APPLICATION_CONTEXT,
    user: bytes | None = None,
) -> bytes:
    """Return an A-ASSOCIATE-RQ or -AC PDU of presentation context items (PS3.8 9.3.2, 9.3.3)."""
    titles = called.ljust(16) + calling.ljust(16) + reserved.ljust(32, b"\0")
    fixed = pack(">HH", version, 0) + titles
    user = user_information() if user is None else user
    return pdu(pdu_type, fixed + item(0x10, application) + b"".join(items) + user)


def associate_rq(*items: bytes, **fields: Any) -> bytes:
    """Return an A-ASSOCIATE-RQ PDU, by default for echoes in context 1 and CT images in 3."""
    return associate(ASSOCIATE_RQ, *(items or (ECHO_CONTEXT, STORE_CONTEXT)), **fields)


def associate_ac(*items: bytes, **fields: Any) -> bytes:
    """Return an A-ASSOCIATE-AC PDU, by default one that accepts contexts 1 and 3."""
    return associate(ASSOCIATE_AC, *(items or (answer(1), answer(3))), **fields)


def associate_rj(result: int, source: int, diagnostic: int) -> bytes:
    """Return an A-ASSOCIATE-RJ PDU (PS3.8 9.3.4)."""
    return pdu(ASSOCIATE_RJ, bytes((0, result, source, diagnostic)))


def abort(source: int = 0, reason: int = 0) -> bytes:
    """Return an A-ABORT PDU (PS3.8 9.3.8)."""
    return pdu(ABORT, bytes((0, 0, source, reason)))


def release_rq() -> bytes:
    """Return an A-RELEASE-RQ PDU (PS3.8 9.3.6)."""
    return pdu(RELEASE_RQ, bytes(4))


def release_rp() -> bytes:
    """Return an A-RELEASE-RP PDU (PS3.8 9.3.7)."""
    return pdu(RELEASE_RP, bytes(4))


def pdv(context_id: int, header: int, data: bytes, length: int | None = None) -> bytes:
    """Return a presentation data value, if wanted with a length field that lies."""
    return pack(">LBB", len(data) + 2 if length is None else length, context_id, header) + data


def p_data(*pdvs: bytes) -> bytes:
    """Return a P-DATA-TF PDU of presentation data values (PS3.8 9.3.5)."""
    return pdu(P_DATA_TF, b"".join(pdvs))


def p_data_of(*values: tuple[int, int, bytes]) -> bytes:
    """Return a P-DATA-TF PDU of (context ID, message control header, fragment)."""
    return p_data(*(pdv(*value) for value in values))


def items_of(data: bytes) -> list[tuple[int, bytes]]:
    """Return the items or sub-items that some bytes are made of: (type, content)."""
    items = []
    while data:
        length = 4 + int.from_bytes(data[2:4], "big")
        assert len(data) >= length, "an item that is cut off"
        items.append((data[0], data[4:length]))
        data = data[length:]
    return items


def variable_items(body: bytes, item_type: int) -> list[bytes]:
    """Return the content of the items of one type in the body of an A-ASSOCIATE PDU."""
    return [content for kind, content in items_of(body[68:]) if kind == item_type]


def results_of(body: bytes) -> dict[int, int]:
    """Return the result of each presentation context in the body of an A-ASSOCIATE-AC."""
    return {content[0]: content[2] for content in variable_items(body, 0x21)}


# -- DIMSE messages (PS3.7 E, in Implicit VR Little Endian) ----------------------------------


Elements = Mapping[int, bytes]

NO_DATA_SET, HAS_DATA_SET = 0x0101, 0x0001
SOP_CLASS, COMMAND_FIELD, MESSAGE_ID, RESPONDED_TO = 0x0002, 0x0100, 0x0110, 0x0120
PRIORITY, DATA_SET_TYPE, STATUS, SOP_INSTANCE = 0x0700, 0x0800, 0x0900, 0x1000


def us(*values: int) -> bytes:
    """Return the value of an element of VR US."""
    return pack(f"<{len(values)}H", *values)


def ui(uid: bytes) -> bytes:
    """Return the value of an element of VR UI, padded to even length."""
    return uid + b"\0" * (len(uid) % 2)


def element(number: int, value: bytes, length: int | None = None) -> bytes:
    """Return an element of group 0000, if wanted with a length field that lies."""
    return pack("<HHL", 0, number, len(value) if length is None else length) + value


def command_set(elements: Elements) -> bytes:
    """Return a command set with its group length, elements in order."""
    body = b"".join(element(number, elements[number]) for number in sorted(elements))
    return element(0, pack("<L", len(body))) + body


def without(elements: Elements, *numbers: int) -> dict[int, bytes]:
    """Return a command set that lacks some elements."""
    return {number: value for number, value in elements.items() if number not in numbers}


def echo_rq(message_id: int = 1) -> dict[int, bytes]:
    """Return the command set of a C-ECHO request (PS3.7 9.3.5.1)."""
    return {
        SOP_CLASS: ui(VERIFICATION),
        COMMAND_FIELD: us(0x0030),
        MESSAGE_ID: us(message_id),
        DATA_SET_TYPE: us(NO_DATA_SET),
    }


def echo_rsp(message_id: int = 1, status: int = 0x0000) -> dict[int, bytes]:
    """Return the command set of a C-ECHO response (PS3.7 9.3.5.2)."""
    return {
        SOP_CLASS: ui(VERIFICATION),
        COMMAND_FIELD: us(0x8030),
        RESPONDED_TO: us(message_id),
        DATA_SET_TYPE: us(NO_DATA_SET),
        STATUS: us(status),
    }


def store_rq(
    message_id: int = 1, instance: bytes = INSTANCE, sop_class: bytes = CT_IMAGE
) -> dict[int, bytes]:
    """Return the command set of a C-STORE request (PS3.7 9.3.1.1)."""
    return {
        SOP_CLASS: ui(sop_class),
        COMMAND_FIELD: us(0x0001),
        MESSAGE_ID: us(message_id),
        PRIORITY: us(2),
        DATA_SET_TYPE: us(HAS_DATA_SET),
        SOP_INSTANCE: ui(instance),
    }


def store_rsp(message_id: int = 1, status: int = 0x0000) -> dict[int, bytes]:
    """Return the command set of a C-STORE response (PS3.7 9.3.1.2)."""
    return {
        SOP_CLASS: ui(CT_IMAGE),
        COMMAND_FIELD: us(0x8001),
        RESPONDED_TO: us(message_id),
        DATA_SET_TYPE: us(NO_DATA_SET),
        STATUS: us(status),
        SOP_INSTANCE: ui(INSTANCE),
    }


def cancel_rq(message_id: int) -> dict[int, bytes]:
    """Return the command set of a C-CANCEL request (PS3.7 9.3.2.3)."""
    return {
        COMMAND_FIELD: us(0x0FFF),
        RESPONDED_TO: us(message_id),
        DATA_SET_TYPE: us(NO_DATA_SET),
    }


def fragments(context_id: int, header: int, data: bytes, size: int = 16376) -> bytes:
    """Return P-DATA-TF PDUs that carry a command or data set, with one PDV each."""
    starts = range(0, len(data) or 1, size)
    return b"".join(
        p_data(pdv(context_id, header | LAST * (start == starts[-1]), data[start : start + size]))
        for start in starts
    )


def message(
    elements: Elements, context_id: int = 1, data: bytes | None = None, size: int = 16376
) -> bytes:
    """Return the P-DATA-TF PDUs of a DIMSE message."""
    whole = fragments(context_id, COMMAND, command_set(elements), size)
    return whole if data is None else whole + fragments(context_id, DATA, data, size)


def data_element(group: int, number: int, value: bytes) -> bytes:
    """Return an element of a data set in Implicit VR Little Endian (PS3.5 7.1.3)."""
    return data_element_header(group, number, len(value)) + value


def data_element_header(group: int, number: int, length: int) -> bytes:
    """Return what an element of a data set in Implicit VR Little Endian begins with."""
    return pack("<HHL", group, number, length)


def data_set(instance: bytes = INSTANCE, length: int = 0) -> bytes:
    """Return a small data set of a CT image, with so many bytes of pixel data."""
    elements = (
        data_element(0x0008, 0x0016, ui(CT_IMAGE))
        + data_element(0x0008, 0x0018, ui(instance))
        + data_element(0x0010, 0x0010, b"Test^Raw")
    )
    return elements + (data_element(0x7FE0, 0x0010, bytes(length)) if length else b"")


class Message(NamedTuple):
    """A DIMSE message received."""

    context_id: int
    elements: dict[int, bytes]
    data: bytes | None

    def number(self, element_number: int) -> int:
        """Return the value of an element of VR US."""
        return int.from_bytes(self.elements[element_number], "little")

    @property
    def status(self) -> int:
        """The status of a response."""
        return self.number(STATUS)


def elements_of(data: bytes) -> dict[int, bytes]:
    """Return the elements of a command set by number."""
    elements = {}
    while data:
        group, number = data[0:2], int.from_bytes(data[2:4], "little")
        length = 8 + int.from_bytes(data[4:8], "little")
        assert group == b"\0\0", "an element that is not of the command group"
        assert len(data) >= length, "an element that is cut off"
        elements[number] = data[8:length]
        data = data[length:]
    return elements


# -- the peer --------------------------------------------------------------------------------


class PDU(NamedTuple):
    """A PDU received."""

    pdu_type: int
    body: bytes


class Closed(Exception):
    """The other side closed the connection where a PDU was due."""


class Peer:
    """One end of a connection, in the hands of a test.

    Parameters
    ----------
    connection : socket.socket
        The connection; it is closed when the peer is left as a context manager.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.socket.settimeout(PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def send(self, *data: bytes) -> None:
        """Send bytes."""
        self.socket.sendall(b"".join(data))

    def trickle(self, data: bytes) -> None:
        """Send bytes one by one."""
        for byte in data:
            self.socket.sendall(bytes((byte,)))

    def trickle_until_closed(self, data: bytes, pause: float) -> bytes:
        """Send bytes one by one, with pauses of so many seconds in which to listen.

        Ends when the other side closes the connection, in time for the last byte not to be sent;
        returns what it sent.
        """
        received = bytearray()
        self.socket.settimeout(pause)
        for byte in data:
            with suppress(ConnectionError):
                self.socket.sendall(bytes((byte,)))
            try:
                piece = self.socket.recv(65536)
            except TimeoutError:
                continue
            except ConnectionError:
                piece = b""
            received += piece
            if not piece:
                return bytes(received)
        raise AssertionError("everything could be sent")

    def _read(self, count: int) -> bytes:
        """Return so many bytes; fewer if the connection is closed."""
        data = bytearray()
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                break
            data += piece
        return bytes(data)

    def read_pdu(self) -> PDU:
        """Return the next PDU; Closed if there is none."""
        header = self._read(6)
        if not header:
            raise Closed
        assert len(header) == 6, f"the connection is closed after {header!r}"
        pdu_type, _, length = _HEADER.unpack(header)
        body = self._read(length)
        assert len(body) == length, "the connection is closed within a PDU"
        return PDU(pdu_type, body)

    def expect(self, pdu_type: int) -> bytes:
        """Return the body of the next PDU, which must be of this type."""
        found = self.read_pdu()
        assert found.pdu_type == pdu_type, f"expected PDU type {pdu_type}, received {found}"
        return found.body

    def expect_abort(self) -> tuple[int, int]:
        """Return source and reason of the A-ABORT that must come next."""
        body = self.expect(ABORT)
        return body[2], body[3]

    def expect_rejection(self) -> tuple[int, int, int]:
        """Return result, source and diagnostic of the A-ASSOCIATE-RJ that must come next."""
        body = self.expect(ASSOCIATE_RJ)
        return body[1], body[2], body[3]

    def expect_closed(self) -> None:
        """Require that the other side closes the connection without another byte."""
        with suppress(ConnectionResetError):
            assert self.socket.recv(1) == b""

    def drain(self) -> bytes:
        """Read until the other side closes the connection; return the beginning of it."""
        data = b""
        with suppress(ConnectionResetError):
            while piece := self.socket.recv(65536):
                data = data or piece
        return data

    def is_closed_within(self, seconds: float) -> bool:
        """Wait so long for the other side to close; whatever it sends is thrown away."""
        self.socket.settimeout(seconds)
        try:
            self.drain()
        except TimeoutError:
            return False
        finally:
            self.socket.settimeout(PATIENCE)
        return True

    def read_message(self) -> Message:
        """Return the next DIMSE message, from P-DATA-TF PDUs cut in whatever way."""
        context_id, command, data, done = 0, bytearray(), bytearray(), 0
        elements: dict[int, bytes] = {}
        while True:
            body = self.expect(P_DATA_TF)
            while body:
                end = 4 + int.from_bytes(body[:4], "big")
                context_id, header = body[4], body[5]
                (command if header & COMMAND else data).extend(body[6:end])
                done |= (1 << (header & COMMAND)) if header & LAST else 0
                body = body[end:]
            if done & 2 and not elements:
                elements = elements_of(bytes(command))
            if elements and elements[DATA_SET_TYPE] == us(NO_DATA_SET):
                return Message(context_id, elements, None)
            if elements and done & 1:
                return Message(context_id, elements, bytes(data))

    # -- whole steps

    def request(self, *items: bytes, **fields: Any) -> bytes:
        """Ask for an association and return the body of the A-ASSOCIATE-AC."""
        self.send(associate_rq(*items, **fields))
        return self.expect(ASSOCIATE_AC)

    def accept(self, *items: bytes, **fields: Any) -> bytes:
        """Accept an association, by default with all contexts; return the request's body."""
        body = self.expect(ASSOCIATE_RQ)
        self.send(associate_ac(*(items or acceptances(body)), **fields))
        return body

    def echo(self, message_id: int = 1, context_id: int = 1) -> int:
        """Send a C-ECHO request and return the status of its response."""
        self.send(message(echo_rq(message_id), context_id))
        response = self.read_message()
        assert response.number(RESPONDED_TO) == message_id
        assert response.number(COMMAND_FIELD) == 0x8030
        return response.status

    def store(self, data: bytes, message_id: int = 1, context_id: int = 3) -> int:
        """Send a C-STORE request and return the status of its response."""
        self.send(message(store_rq(message_id), context_id, data))
        response = self.read_message()
        assert response.number(RESPONDED_TO) == message_id
        assert response.number(COMMAND_FIELD) == 0x8001
        return response.status

    def release(self) -> None:
        """Release the association as the one who asks."""
        self.send(release_rq())
        self.expect(RELEASE_RP)

    def agree_to_release(self) -> None:
        """Answer the release request that must come next, and see the connection closed."""
        self.expect(RELEASE_RQ)
        self.send(release_rp())
        self.expect_closed()

    # -- ways to go

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def finish_sending(self) -> None:
        """Close the connection in our direction (FIN) and keep the other."""
        with suppress(OSError):  # the other side has closed it already
            self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close the connection with a reset (RST)."""
        reset(self.socket)


def acceptances(request: bytes) -> list[bytes]:
    """Return answers that accept each context of a request with its first transfer syntax."""
    answers = []
    for content in variable_items(request, 0x20):
        syntax = next(uid for kind, uid in items_of(content[4:]) if kind == 0x40)
        answers.append(answer(content[0], 0, syntax))
    return answers


def connect(port: int, receive_buffer: int | None = None) -> Peer:
    """Connect to a port of this host, if wanted with a small receive buffer."""
    connection = socket.socket()
    if receive_buffer is not None:  # to be effective it comes before the connection
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    try:
        connection.settimeout(PATIENCE)
        connection.connect((HOST, port))
    except OSError:
        connection.close()
        raise
    return Peer(connection)


def associated(port: int, *items: bytes, **fields: Any) -> Peer:
    """Connect to a port of this host and associate, by default for echoes and CT images."""
    peer = connect(port)
    try:
        peer.request(*items, **fields)
    except BaseException:
        peer.close()
        raise
    return peer


Script = Callable[[Peer], object]


class Server:
    """A server that runs a script for each connection, one after the other, in a thread.

    Parameters
    ----------
    scripts : sequence of callable
        For the first connection, the second and so on; each is given the :class:`Peer`. When
        there are no more it listens still, and accepts nothing.
    receive_buffer : int, optional
        Bytes of the connections' receive buffers.
    tls : ssl.SSLContext, optional
        To speak TLS.
    """

    def __init__(
        self,
        *scripts: Script,
        receive_buffer: int | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._scripts = scripts
        self._tls = tls
        self._listener = socket.socket()
        if receive_buffer is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind((HOST, 0))
        self._listener.listen()
        self._listener.settimeout(PATIENCE)
        self.port: int = self._listener.getsockname()[1]
        self._error: BaseException | None = None
        self._is_leaving = False
        self._thread = threading.Thread(target=self._run, name="raw peer", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            for script in self._scripts:
                with Peer(self._accept()) as peer, suppress(ConnectionError):
                    script(peer)  # which need not be done when the other side hangs up
        except BaseException as error:
            if not self._is_leaving:
                self._error = error

    def _accept(self) -> socket.socket:
        connection, _ = self._listener.accept()
        connection.settimeout(PATIENCE)
        return self._tls.wrap_socket(connection, server_side=True) if self._tls else connection

    def join(self) -> None:
        """Wait for the end of the last script, and raise what a script raised."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the script has not come to its end"
        error, self._error = self._error, None
        if error is not None:
            raise error

    def close(self) -> None:
        """Listen no longer; a script that runs comes to its end by itself."""
        self._is_leaving = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # ends an accept() that waits
        self._thread.join(PATIENCE)
        self._listener.close()


@contextmanager
def serving(*scripts: Script, **settings: Any) -> Iterator[Server]:
    """Run a :class:`Server`; in the end every script must have been run without an error."""
    server = Server(*scripts, **settings)
    try:
        yield server
        server.join()
    finally:
        server.close()
