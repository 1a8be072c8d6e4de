"""Events, and handlers bound to them."""

from __future__ import annotations

import functools
import gc
import logging
import threading
from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filereader import read_partial
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
)

from pynetdicom import _config, _handlers
from pynetdicom import events as evt
from pynetdicom._spool import Spool
from pynetdicom._version import PYNETDICOM_IMPLEMENTATION_UID, PYNETDICOM_IMPLEMENTATION_VERSION
from pynetdicom.dimse_primitives import (
    C_ECHO,
    C_FIND,
    C_GET,
    C_MOVE,
    C_STORE,
    N_ACTION,
    N_CREATE,
    N_EVENT_REPORT,
    N_GET,
    N_SET,
)
from pynetdicom.dsutils import encode, file_head
from pynetdicom.errors import DataSetLimitError
from pynetdicom.events import Event, EventHandlers, trigger
from pynetdicom.limits import Limits
from pynetdicom.presentation import PresentationContextTuple

NOTIFICATION = """ABORTED ACCEPTED ACSE_RECV ACSE_SENT CONN_CLOSE CONN_OPEN DATA_RECV DATA_SENT
DIMSE_RECV DIMSE_SENT ESTABLISHED FSM_TRANSITION PDU_RECV PDU_SENT REJECTED RELEASED REQUESTED"""
INTERVENTION = """ASYNC_OPS C_ECHO C_FIND C_GET C_MOVE C_STORE N_ACTION N_CREATE N_DELETE
N_EVENT_REPORT N_GET N_SET SOP_COMMON SOP_EXTENDED USER_ID"""
LOGGED = [evt.EVT_DIMSE_RECV, evt.EVT_DIMSE_SENT, evt.EVT_PDU_RECV, evt.EVT_PDU_SENT]

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"


def constants(names: str) -> list[evt.EventType]:
    """Return the constants for some names of events."""
    return [getattr(evt, f"EVT_{name}") for name in names.split()]


class Owner(EventHandlers):
    """Something that handlers can be bound to."""

    def __init__(self, handlers: Any = None) -> None:
        self._init_handlers(handlers)


class Server(Owner):
    """Something whose bindings apply to others as well."""

    def __init__(self) -> None:
        self.associations: list[Owner] = []
        super().__init__()

    def _bind_also(self) -> list[Owner]:
        return self.associations


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bind no default logging handlers."""
    monkeypatch.setattr(_config, "LOG_HANDLER_LEVEL", "none")


def handler(event: Event, *args: object) -> None:
    """Do nothing."""


def other_handler(event: Event, *args: object) -> None:
    """Do nothing, likewise."""


class TestConstants:
    def test_notification(self) -> None:
        for event in constants(NOTIFICATION):
            assert isinstance(event, evt.NotificationEvent)
            assert event.is_notification
            assert not event.is_intervention

    def test_intervention(self) -> None:
        for event in constants(INTERVENTION):
            assert isinstance(event, evt.InterventionEvent)
            assert event.is_intervention
            assert not event.is_notification

    def test_complete(self) -> None:
        found = {name for name in vars(evt) if name.startswith("EVT_")}
        assert found == {f"EVT_{name}" for name in f"{NOTIFICATION} {INTERVENTION}".split()}

    def test_named_after_themselves(self) -> None:
        events = constants(f"{NOTIFICATION} {INTERVENTION}")
        for event in events:
            assert str(event) == event.name
            assert getattr(evt, event.name) is event
            assert event.description
        assert len({event.description for event in events}) == 32


class TestBind:
    def test_defaults(self) -> None:
        owner = Owner()
        assert owner.get_events() == sorted([*constants(INTERVENTION), *LOGGED], key=str)
        assert owner.get_handlers(evt.EVT_PDU_SENT) == [(_handlers.standard_pdu_sent_handler, None)]
        assert owner.get_handlers(evt.EVT_ABORTED) == []

    @pytest.mark.usefixtures("quiet")
    def test_no_logging_handlers(self) -> None:
        owner = Owner()
        assert owner.get_events() == sorted(constants(INTERVENTION), key=str)
        assert owner.get_handlers(evt.EVT_PDU_SENT) == []

    def test_default_handlers(self) -> None:
        for event in constants(INTERVENTION):
            assert isinstance(event, evt.InterventionEvent)
            default = evt.get_default_handler(event)
            assert Owner().get_handlers(event) == (default, None)

    def test_forms(self) -> None:
        owner = Owner(
            [
                (evt.EVT_C_ECHO, handler),
                (evt.EVT_C_STORE, handler, [1, 2]),
                (evt.EVT_ABORTED, handler, []),
                [evt.EVT_RELEASED, handler, None],
            ]
        )
        assert owner.get_handlers(evt.EVT_C_ECHO) == (handler, None)
        assert owner.get_handlers(evt.EVT_C_STORE) == (handler, [1, 2])
        assert owner.get_handlers(evt.EVT_ABORTED) == [(handler, None)]
        assert owner.get_handlers(evt.EVT_RELEASED) == [(handler, None)]
        assert set(owner.get_events()) > {evt.EVT_ABORTED, evt.EVT_RELEASED}

    def test_incomplete_tuple(self) -> None:
        with pytest.raises(TypeError):
            Owner([(evt.EVT_C_ECHO,)])

    def test_notification(self) -> None:
        owner = Owner()
        owner.bind(evt.EVT_ABORTED, handler)
        owner.bind(evt.EVT_ABORTED, other_handler)
        owner.bind(evt.EVT_ABORTED, handler, [1])
        owner.bind(evt.EVT_ABORTED, handler)
        owner.bind(evt.EVT_ABORTED, handler, [1])
        expected = [(handler, None), (other_handler, None), (handler, [1])]
        assert owner.get_handlers(evt.EVT_ABORTED) == expected

        owner.unbind(evt.EVT_ABORTED, handler)
        assert owner.get_handlers(evt.EVT_ABORTED) == [(other_handler, None)]
        owner.unbind(evt.EVT_ABORTED, other_handler)
        assert owner.get_handlers(evt.EVT_ABORTED) == []
        assert evt.EVT_ABORTED not in owner.get_events()

    def test_behind_the_logging_handler(self) -> None:
        owner = Owner([(evt.EVT_PDU_RECV, handler)])
        bound = owner.get_handlers(evt.EVT_PDU_RECV)
        assert bound == [(_handlers.standard_pdu_recv_handler, None), (handler, None)]

    def test_intervention(self) -> None:
        owner = Owner()
        owner.bind(evt.EVT_C_ECHO, handler)
        owner.bind(evt.EVT_C_ECHO, other_handler, [1])
        assert owner.get_handlers(evt.EVT_C_ECHO) == (other_handler, [1])
        owner.unbind(evt.EVT_C_ECHO, handler)
        assert owner.get_handlers(evt.EVT_C_ECHO) == (other_handler, [1])
        owner.unbind(evt.EVT_C_ECHO, other_handler)
        default = evt.get_default_handler(evt.EVT_C_ECHO)
        assert owner.get_handlers(evt.EVT_C_ECHO) == (default, None)

    def test_method(self) -> None:
        class Handlers:
            def handle(self, event: Event) -> None:
                """Do nothing."""

        handlers, owner = Handlers(), Owner()
        owner.bind(evt.EVT_ABORTED, handlers.handle)
        owner.unbind(evt.EVT_ABORTED, handlers.handle)
        assert owner.get_handlers(evt.EVT_ABORTED) == []

    def test_unbind_unknown(self) -> None:
        owner = Owner()
        before = owner.get_events()
        owner.unbind(evt.EVT_ABORTED, handler)
        owner.unbind("EVT_ABORTED", handler)  # type: ignore[arg-type]
        assert owner.get_events() == before

    @pytest.mark.parametrize("event", ["EVT_ABORTED", None, []])
    def test_no_event(self, event: Any, caplog: pytest.LogCaptureFixture) -> None:
        owner = Owner()
        before = owner.get_events()
        with caplog.at_level(logging.WARNING, "pynetdicom.events"):
            owner.bind(event, handler)
        assert owner.get_events() == before
        assert "it is no event" in caplog.text

    def test_owners_are_independent(self) -> None:
        one, two = Owner(), Owner()
        one.bind(evt.EVT_PDU_RECV, handler)
        one.bind(evt.EVT_C_ECHO, handler)
        assert two.get_handlers(evt.EVT_PDU_RECV) == Owner().get_handlers(evt.EVT_PDU_RECV)
        assert two.get_handlers(evt.EVT_C_ECHO) == Owner().get_handlers(evt.EVT_C_ECHO)

    def test_copy(self) -> None:
        one, two = Owner([(evt.EVT_ABORTED, handler)]), Owner([(evt.EVT_C_ECHO, handler)])
        one._copy_handlers_to(two)
        assert two.get_handlers(evt.EVT_ABORTED) == [(handler, None)]
        assert not two._is_bound(evt.EVT_C_ECHO)
        two.unbind(evt.EVT_ABORTED, handler)
        assert one.get_handlers(evt.EVT_ABORTED) == [(handler, None)]

    def test_bind_also(self) -> None:
        server = Server()
        server.associations = [Owner(), Owner([(evt.EVT_ABORTED, other_handler)])]
        server.bind(evt.EVT_ABORTED, handler, [1])
        first, second = server.associations
        assert first.get_handlers(evt.EVT_ABORTED) == [(handler, [1])]
        assert second.get_handlers(evt.EVT_ABORTED) == [(other_handler, None), (handler, [1])]
        server.unbind(evt.EVT_ABORTED, handler)
        assert server.get_handlers(evt.EVT_ABORTED) == []
        assert first.get_handlers(evt.EVT_ABORTED) == []
        assert second.get_handlers(evt.EVT_ABORTED) == [(other_handler, None)]

    def test_many_threads(self) -> None:
        owner = Owner()
        barrier = threading.Barrier(8)

        def bind(number: int) -> None:
            barrier.wait()
            for item in range(50):
                owner.bind(evt.EVT_ABORTED, handler, [number, item])

        threads = [threading.Thread(target=bind, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(owner.get_handlers(evt.EVT_ABORTED)) == 400


class TestIsBound:
    @pytest.mark.parametrize(
        ("event", "level"),
        [
            (evt.EVT_DIMSE_RECV, logging.INFO),
            (evt.EVT_DIMSE_SENT, logging.INFO),
            (evt.EVT_PDU_RECV, logging.DEBUG),
            (evt.EVT_PDU_SENT, logging.DEBUG),
        ],
    )
    def test_logging_handlers_only(
        self, event: evt.EventType, level: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        owner = Owner()
        with caplog.at_level(level + 1, "pynetdicom._handlers"):
            assert not owner._is_bound(event)
            owner.bind(event, handler)
            assert owner._is_bound(event)
            owner.unbind(event, handler)
            assert not owner._is_bound(event)
        with caplog.at_level(level, "pynetdicom._handlers"):
            assert owner._is_bound(event)
            owner.unbind(event, owner.get_handlers(event)[0][0])
            assert not owner._is_bound(event)

    def test_notification(self) -> None:
        owner = Owner()
        assert not owner._is_bound(evt.EVT_FSM_TRANSITION)
        owner.bind(evt.EVT_FSM_TRANSITION, handler)
        assert owner._is_bound(evt.EVT_FSM_TRANSITION)

    @pytest.mark.parametrize("event", constants(INTERVENTION))
    def test_intervention(self, event: evt.EventType) -> None:
        owner = Owner()
        assert not owner._is_bound(event)
        owner.bind(event, handler)
        assert owner._is_bound(event)
        owner.unbind(event, handler)
        assert not owner._is_bound(event)


class TestTrigger:
    def test_notification(self) -> None:
        calls: list[Any] = []

        def record(event: Event, *args: object) -> str:
            calls.append((event, args))
            return "ignored"

        owner: Any = Owner([(evt.EVT_ABORTED, record), (evt.EVT_ABORTED, record, [1, "x"])])
        assert trigger(owner, evt.EVT_ABORTED, {"address": ("host", 104)}) is None
        (event, _), _ = calls
        assert calls == [(event, ()), (event, (1, "x"))]
        assert event.assoc is owner
        assert event.event is evt.EVT_ABORTED
        assert event.address == ("host", 104)

    def test_nothing_bound(self) -> None:
        owner: Any = Owner()
        assert trigger(owner, evt.EVT_ABORTED) is None

    def test_handlers_after_an_exception(self, caplog: pytest.LogCaptureFixture) -> None:
        calls = []

        class Callable:
            def __call__(self, event: Event) -> None:
                raise ValueError("from an object")

        def fail(event: Event, text: str = "from a function") -> None:
            raise KeyError(text)

        handlers = [fail, functools.partial(fail, text="from a partial"), Callable(), calls.append]
        owner: Any = Owner([(evt.EVT_ABORTED, each) for each in handlers])
        with caplog.at_level(logging.ERROR, "pynetdicom.events"):
            trigger(owner, evt.EVT_ABORTED)
        assert len(calls) == 1
        assert [record.levelname for record in caplog.records] == ["ERROR"] * 3
        for part in ("from a function", "from a partial", "from an object", "fail of EVT_ABORTED"):
            assert part in caplog.text
        assert "partial of EVT_ABORTED" in caplog.text

    def test_not_callable(self, caplog: pytest.LogCaptureFixture) -> None:
        owner: Any = Owner([(evt.EVT_ABORTED, 5)])
        with caplog.at_level(logging.ERROR, "pynetdicom.events"):
            trigger(owner, evt.EVT_ABORTED)
        assert "'int' object is not callable" in caplog.text

    def test_bound_meanwhile(self) -> None:
        calls = []

        def rebind(event: Event) -> None:
            calls.append("rebind")
            owner.unbind(evt.EVT_ABORTED, rebind)
            owner.bind(evt.EVT_ABORTED, lambda event: calls.append("later"))

        owner: Any = Owner([(evt.EVT_ABORTED, rebind)])
        owner.bind(evt.EVT_ABORTED, lambda event: calls.append("second"))
        trigger(owner, evt.EVT_ABORTED)
        assert calls == ["rebind", "second"]
        trigger(owner, evt.EVT_ABORTED)
        assert calls == ["rebind", "second", "second", "later"]

    def test_intervention(self) -> None:
        def answer(event: Event, *args: object) -> Any:
            return event.request, args

        owner: Any = Owner([(evt.EVT_C_ECHO, answer)])
        assert trigger(owner, evt.EVT_C_ECHO, {"request": 5}) == (5, ())
        owner.bind(evt.EVT_C_ECHO, answer, (1, 2))
        assert trigger(owner, evt.EVT_C_ECHO, {"request": 5}) == (5, (1, 2))

    def test_exception_in_intervention(self) -> None:
        def fail(event: Event) -> int:
            raise KeyError("for the caller")

        owner: Any = Owner([(evt.EVT_C_STORE, fail)])
        with pytest.raises(KeyError, match="for the caller"):
            trigger(owner, evt.EVT_C_STORE)

    @pytest.mark.parametrize("event", constants(INTERVENTION))
    def test_defaults(self, event: evt.EventType) -> None:
        owner: Any = Owner()
        if event is evt.EVT_C_ECHO:
            assert trigger(owner, event) == 0x0000
        elif event in (evt.EVT_SOP_COMMON, evt.EVT_SOP_EXTENDED):
            assert trigger(owner, event) == {}
        else:
            with pytest.raises(NotImplementedError, match=event.name):
                trigger(owner, event)


CONTEXT = PresentationContextTuple(1, UID(CT_IMAGE), UID(ImplicitVRLittleEndian))

# For each request: its event, an instance with a data set if it has one, and the attributes
# of the Event that answer besides message_id, with the keyword of their data set.
REQUESTS: dict[type, tuple[evt.EventType, dict[str, str | None]]] = {
    C_ECHO: (evt.EVT_C_ECHO, {}),
    C_FIND: (evt.EVT_C_FIND, {"identifier": "Identifier"}),
    C_GET: (evt.EVT_C_GET, {"identifier": "Identifier"}),
    C_MOVE: (evt.EVT_C_MOVE, {"identifier": "Identifier", "move_destination": None}),
    C_STORE: (evt.EVT_C_STORE, {"dataset": "DataSet", "dataset_path": None, "file_meta": None}),
    N_ACTION: (
        evt.EVT_N_ACTION,
        {"action_information": "ActionInformation", "action_type": None},
    ),
    N_CREATE: (evt.EVT_N_CREATE, {"attribute_list": "AttributeList"}),
    N_EVENT_REPORT: (
        evt.EVT_N_EVENT_REPORT,
        {"event_information": "EventInformation", "event_type": None},
    ),
    N_GET: (evt.EVT_N_GET, {"attribute_identifiers": None, "attribute_list": None}),
    N_SET: (
        evt.EVT_N_SET,
        {
            "modification_list": "ModificationList",
            "attribute_identifiers": None,
            "attribute_list": None,
        },
    ),
}
DATA_SETS = [
    (request, event, name, keyword)
    for request, (event, attributes) in REQUESTS.items()
    for name, keyword in attributes.items()
    if keyword is not None
]
ATTRIBUTES = {name for _, attributes in REQUESTS.values() for name in attributes}


def sample(name: str = "Doe^Jane") -> Dataset:
    """Return a data set."""
    data_set = Dataset()
    data_set.SOPClassUID = CT_IMAGE
    data_set.SOPInstanceUID = "1.2.3"
    data_set.PatientName = name
    return data_set


def encoded(data_set: Dataset, syntax: UID = ImplicitVRLittleEndian) -> bytes:
    """Return an encoded data set."""
    data = encode(data_set, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
    assert data is not None
    return data


def request_event(
    request_type: type,
    data: bytes | None = None,
    syntax: UID = ImplicitVRLittleEndian,
    **attrs: Any,
) -> Event:
    """Return the event of a request with an encoded data set."""
    event, attributes = REQUESTS[request_type]
    request = request_type()
    request.MessageID = 7
    keyword = next((keyword for keyword in attributes.values() if keyword), None)
    if data is not None and keyword is not None:
        setattr(request, keyword, BytesIO(data))
    context = CONTEXT._replace(transfer_syntax=UID(syntax))
    owner: Any = Owner()
    return Event(owner, event, {"request": request, "context": context, **attrs})


class TestEvent:
    def test_attributes(self) -> None:
        owner: Any = Owner()
        before = datetime.now()
        event = Event(owner, evt.EVT_CONN_OPEN, {"address": ("host", 104)})
        assert event.assoc is owner
        assert event.event is evt.EVT_CONN_OPEN
        assert before <= event.timestamp <= datetime.now()
        public = {name for name in vars(event) if not name.startswith("_")}
        assert public == {"assoc", "timestamp", "address"}

    def test_event_is_fixed(self) -> None:
        event = Event(None, evt.EVT_CONN_OPEN)  # type: ignore[arg-type]
        with pytest.raises(AttributeError):
            event.event = evt.EVT_CONN_CLOSE  # type: ignore[misc]

    @pytest.mark.parametrize("name", sorted({*ATTRIBUTES, "message_id"}))
    def test_attributes_of_requests_only(self, name: str) -> None:
        event = Event(None, evt.EVT_CONN_OPEN)  # type: ignore[arg-type]
        with pytest.raises(AttributeError, match=f"EVT_CONN_OPEN has no attribute '{name}'"):
            getattr(event, name)
        assert event.is_cancelled is False

    @pytest.mark.parametrize("method", ["encoded_dataset", "save_as"])
    def test_methods_of_c_store_only(self, method: str, tmp_path: Path) -> None:
        arguments = [tmp_path / "x"] if method == "save_as" else []
        with pytest.raises(AttributeError, match=f"EVT_C_FIND has no attribute '{method}'"):
            getattr(request_event(C_FIND), method)(*arguments)

    @pytest.mark.parametrize("request_type", REQUESTS)
    def test_attributes_of_each_request(self, request_type: type) -> None:
        event = request_event(request_type)
        mine = REQUESTS[request_type][1]
        for name in ATTRIBUTES - set(mine):
            with pytest.raises(AttributeError, match=name):
                getattr(event, name)
        assert event.message_id == 7
        assert event.is_cancelled is False

    def test_no_request(self) -> None:
        event = Event(None, evt.EVT_C_FIND)  # type: ignore[arg-type]
        with pytest.raises(AttributeError, match="request"):
            event.identifier  # noqa: B018


class TestDataSets:
    @pytest.mark.parametrize(("request_type", "kind", "name", "keyword"), DATA_SETS)
    def test_decoded(
        self, request_type: type, kind: evt.EventType, name: str, keyword: str
    ) -> None:
        event = request_event(request_type, encoded(sample()))
        assert event.event is kind
        data_set = getattr(event, name)
        assert data_set == sample()
        assert "file_meta" not in vars(data_set)
        data_set.PatientName = "changed by the handler"
        assert getattr(event, name) is data_set

        setattr(event.request, keyword, BytesIO(encoded(sample("other"))))
        assert getattr(event, name) == sample("other")

    @pytest.mark.parametrize(("request_type", "kind", "name", "keyword"), DATA_SETS)
    @pytest.mark.parametrize("data", [None, b""])
    def test_absent(
        self,
        request_type: type,
        kind: evt.EventType,
        name: str,
        keyword: str,
        data: bytes | None,
    ) -> None:
        event = request_event(request_type, data)
        assert getattr(event, name) == Dataset()
        assert getattr(event, name) is getattr(event, name)

    @pytest.mark.parametrize(
        "syntax",
        [
            ImplicitVRLittleEndian,
            ExplicitVRLittleEndian,
            ExplicitVRBigEndian,
            DeflatedExplicitVRLittleEndian,
        ],
    )
    @pytest.mark.parametrize("request_type", [C_FIND, C_STORE])
    def test_transfer_syntaxes(self, request_type: type, syntax: UID) -> None:
        event = request_event(request_type, encoded(sample(), syntax), syntax)
        name = next(iter(REQUESTS[request_type][1]))
        assert getattr(event, name) == sample()

    def test_answers_without_data_set(self) -> None:
        for request_type in (N_GET, N_SET):
            assert request_event(request_type).attribute_list == Dataset()


class TestElements:
    def test_move_destination(self) -> None:
        event = request_event(C_MOVE)
        assert event.move_destination is None
        event.request.MoveDestination = "STORE "
        assert event.move_destination == "STORE"

    def test_action_type(self) -> None:
        event = request_event(N_ACTION)
        assert event.action_type is None
        event.request.ActionTypeID = 3
        assert event.action_type == 3

    def test_event_type(self) -> None:
        event = request_event(N_EVENT_REPORT)
        assert event.event_type is None
        event.request.EventTypeID = 2
        assert event.event_type == 2

    @pytest.mark.parametrize("request_type", [N_GET, N_SET])
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (None, []),
            (0x00100010, [(0x0010, 0x0010)]),
            ([0x00100010, 0x00100020], [(0x0010, 0x0010), (0x0010, 0x0020)]),
        ],
    )
    def test_attribute_identifiers(self, request_type: type, value: Any, expected: Any) -> None:
        event = request_event(request_type)
        event.request = type("Request", (), {"AttributeIdentifierList": value})
        assert event.attribute_identifiers == expected
        assert all(hasattr(tag, "group") for tag in event.attribute_identifiers)

    def test_is_cancelled(self) -> None:
        cancelled = {7}

        def take(message_id: int) -> bool:
            if message_id in cancelled:
                cancelled.remove(message_id)
                return True
            return False

        event = request_event(C_FIND, _is_cancelled=take)
        assert event.is_cancelled is True
        # Reading it used the cancel up
        assert event.is_cancelled is False


HEAD = file_head(
    CT_IMAGE,
    "1.2.3",
    ImplicitVRLittleEndian,
    PYNETDICOM_IMPLEMENTATION_UID,
    PYNETDICOM_IMPLEMENTATION_VERSION,
)
Store = Callable[[], Event]


def store_event(source: Spool | None, data: bytes) -> Event:
    """Return the event of a C-STORE with a data set from `source`, or assigned by a user."""
    event = request_event(C_STORE)
    if source is None:
        event.request.DataSet = BytesIO(data)
    else:
        source.write([data])
        source.close()
        event.request = C_STORE._from_values({"MessageID": 7}, source)
    event.request.AffectedSOPClassUID = CT_IMAGE
    event.request.AffectedSOPInstanceUID = "1.2.3"
    return event


class TestStore:
    """C-STORE, with the data set where it may be."""

    DATA = encoded(sample())

    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Return the folder for temporary files."""
        path = tmp_path / "spool"
        path.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(path))
        return path

    @pytest.fixture(params=["assigned", "memory", "large", "chunked"])
    def event(self, request: pytest.FixtureRequest, folder: Path) -> Event:
        """Return an event with the data set in one of the places where it may be."""
        threshold = {"memory": 1000, "large": 10, "chunked": 0}.get(request.param)
        source = None if threshold is None else Spool(threshold, str(folder), HEAD)
        return store_event(source, self.DATA)

    def test_dataset(self, event: Event) -> None:
        assert event.dataset == sample()

    @pytest.mark.parametrize(
        ("syntax", "is_limited"),
        [(ExplicitVRLittleEndian, True), (JPEGBaseline8Bit, False), (RLELossless, False)],
    )
    def test_frames_of_pixel_data_are_no_items(self, syntax: UID, is_limited: bool) -> None:
        """They have the tag of items of sequences, which are limited."""
        frame = b"\xfe\xff\x00\xe0\x02\0\0\0ab"
        end = b"\xfe\xff\xdd\xe0\0\0\0\0"
        pixel_data = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + frame * 5 + end
        event = request_event(C_STORE, pixel_data, syntax)
        owner: Any = event.assoc
        owner.ae = SimpleNamespace(limits=Limits(sequence_items=4))
        if is_limited:
            with pytest.raises(DataSetLimitError, match="sequence_items"):
                event.dataset  # noqa: B018
        else:
            assert "PixelData" in event.dataset

    def test_encoded_dataset(self, event: Event) -> None:
        assert event.encoded_dataset() == HEAD + self.DATA
        assert event.encoded_dataset(include_meta=False) == self.DATA
        assert isinstance(event.encoded_dataset(False), bytes)

    def test_file_meta(self, event: Event) -> None:
        meta = event.file_meta
        assert meta.FileMetaInformationGroupLength == 0
        assert meta.FileMetaInformationVersion == b"\0\1"
        assert meta.MediaStorageSOPClassUID == CT_IMAGE
        assert meta.MediaStorageSOPInstanceUID == "1.2.3"
        assert meta.TransferSyntaxUID == ImplicitVRLittleEndian
        assert meta.ImplementationClassUID == PYNETDICOM_IMPLEMENTATION_UID
        assert meta.ImplementationVersionName == PYNETDICOM_IMPLEMENTATION_VERSION
        assert event.file_meta is not meta

    def test_dataset_path(self, event: Event) -> None:
        path = event.dataset_path
        assert isinstance(path, Path)
        assert path.read_bytes() == HEAD + self.DATA
        assert dcmread(path) == sample()
        assert event.dataset_path == path
        assert event.dataset == sample()

    def test_save_as(self, event: Event, tmp_path: Path, folder: Path) -> None:
        event.save_as(tmp_path / "saved.dcm")
        event.save_as(str(tmp_path / "again.dcm"))
        for name in ("saved.dcm", "again.dcm"):
            assert (tmp_path / name).read_bytes() == HEAD + self.DATA
            assert dcmread(tmp_path / name) == sample()

    def test_file_is_removed_after_the_handler(self, event: Event, folder: Path) -> None:
        paths = []

        def answer(event: Event) -> int:
            paths.append(event.dataset_path)
            assert paths[0].exists()
            return 0x0000

        owner: Any = Owner([(evt.EVT_C_STORE, answer)])
        attrs = {"request": event.request, "context": event.context}
        assert trigger(owner, evt.EVT_C_STORE, attrs) == 0x0000
        assert not paths[0].exists()
        assert list(folder.iterdir()) == []

    def test_file_is_removed_after_an_exception(self, event: Event, folder: Path) -> None:
        def fail(event: Event) -> int:
            assert event.dataset_path.exists()
            raise KeyError("of the handler")

        owner: Any = Owner([(evt.EVT_C_STORE, fail)])
        attrs = {"request": event.request, "context": event.context}
        with pytest.raises(KeyError, match="of the handler"):
            trigger(owner, evt.EVT_C_STORE, attrs)
        assert list(folder.iterdir()) == []

    def test_no_handler(self, event: Event, folder: Path) -> None:
        owner: Any = Owner()
        attrs = {"request": event.request, "context": event.context}
        with pytest.raises(NotImplementedError):
            trigger(owner, evt.EVT_C_STORE, attrs)
        assert list(folder.iterdir()) == []

    def test_handler_moves_the_file(self, event: Event, tmp_path: Path, folder: Path) -> None:
        def answer(event: Event) -> int:
            event.dataset_path.rename(tmp_path / "moved.dcm")
            return 0x0000

        owner: Any = Owner([(evt.EVT_C_STORE, answer)])
        attrs = {"request": event.request, "context": event.context}
        assert trigger(owner, evt.EVT_C_STORE, attrs) == 0x0000
        assert (tmp_path / "moved.dcm").read_bytes() == HEAD + self.DATA

    @pytest.mark.parametrize("threshold", [None, 1000, 10])
    def test_event_is_kept(self, threshold: int | None, folder: Path, tmp_path: Path) -> None:
        source = None if threshold is None else Spool(threshold, str(folder), HEAD)
        event = store_event(source, self.DATA)
        kept = []

        def answer(event: Event) -> int:
            kept.append(event)
            return 0x0000

        owner: Any = Owner([(evt.EVT_C_STORE, answer)])
        trigger(owner, evt.EVT_C_STORE, {"request": event.request, "context": event.context})
        assert kept[0].dataset == sample()
        assert kept[0].encoded_dataset() == HEAD + self.DATA
        kept[0].save_as(tmp_path / "late.dcm")
        assert (tmp_path / "late.dcm").read_bytes() == HEAD + self.DATA

    def test_dataset_is_cached_unless_chunked(self, folder: Path) -> None:
        event = store_event(Spool(10, str(folder), HEAD), self.DATA)
        event.dataset.PatientName = "changed by the handler"
        assert event.dataset.PatientName == "changed by the handler"
        assert "file_meta" not in vars(event.dataset)

        event = store_event(Spool(0, str(folder), HEAD), self.DATA)
        event.dataset.PatientName = "changed by the handler"
        assert event.dataset == sample()
        assert event.dataset.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian

    def test_data_set_replaced(self, event: Event) -> None:
        assert event.dataset == sample()
        event.request.DataSet = BytesIO(encoded(sample("other")))
        assert event.dataset == sample("other")
        assert event.encoded_dataset() == HEAD + encoded(sample("other"))

    def test_no_data_set(self, tmp_path: Path) -> None:
        event = request_event(C_STORE)
        event.request.AffectedSOPClassUID = CT_IMAGE
        event.request.AffectedSOPInstanceUID = "1.2.3"
        assert event.dataset == Dataset()
        assert event.encoded_dataset() == HEAD
        assert event.dataset_path.read_bytes() == HEAD

    def test_file_goes_with_an_event_not_triggered(self, folder: Path) -> None:
        event = store_event(None, self.DATA)
        path = event.dataset_path
        assert path.exists()
        del event
        gc.collect()
        assert not path.exists()

    def test_head_is_file_meta_information(self, event: Event, tmp_path: Path) -> None:
        event.save_as(tmp_path / "saved.dcm")
        with (tmp_path / "saved.dcm").open("rb") as file:
            meta = read_partial(file, stop_when=lambda tag, vr, length: True).file_meta
        expected = event.file_meta
        expected.FileMetaInformationGroupLength = meta.FileMetaInformationGroupLength
        assert meta == expected
