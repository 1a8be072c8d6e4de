"""C-GET as SCP: what handlers yield, what becomes of it, and how it ends."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit

from pynetdicom import build_role, evt
from pynetdicom.service_class import (
    ColorPaletteQueryRetrieveServiceClass,
    DefinedProcedureProtocolQueryRetrieveServiceClass,
    HangingProtocolQueryRetrieveServiceClass,
    ImplantTemplateQueryRetrieveServiceClass,
    InventoryQueryRetrieveServiceClass,
    ProtocolApprovalQueryRetrieveServiceClass,
    QueryRetrieveServiceClass,
)
from pynetdicom.service_class.suboperations import as_instance, without_bulk_data
from pynetdicom.sop_class import uid_to_service_class
from pynetdicom.status import QR_GET_SERVICE_CLASS_STATUS
from tests.support import raw
from tests.support.associations import CT, ECHO, SOON, EventLog, association, join, port_of
from tests.support.retrievals import (
    BAD_ITEMS,
    BAD_NUMBERS,
    CANCEL,
    CASES,
    FIND,
    GET,
    GET_REFUSALS,
    IDENTIFIER,
    MOVE,
    NO_ITERATORS,
    PENDING,
    UNCOMPRESSED,
    Case,
    Reply,
    Stored,
    Yields,
    instance,
    ok,
    query,
    reply_of,
    retrieve_rq,
    save,
    status,
    uid,
)
from tests.support.watch import complaints, make_file, note_waiting, peak_memory

StartSCP = Callable[..., Any]
MR = raw.MR_IMAGE.decode()
WITHOUT_BULK_DATA = "1.2.840.10008.5.1.4.1.2.5.3"


class Archive:
    """An SCP of C-GET with one handler, and a requestor that stores what it gets.

    Attributes
    ----------
    log : EventLog
        What happens to the SCP's associations.
    """

    def __init__(
        self, start_scp: StartSCP, handler: Any = None, model: str = GET, **settings: Any
    ) -> None:
        self.log = EventLog("ABORTED RELEASED")
        bindings = list(self.log.bindings)
        if handler is not None:
            bindings.append((evt.EVT_C_GET, handler))
        self.model = model
        contexts = [ECHO, model, *((cls, UNCOMPRESSED, False, True) for cls in (CT, MR))]
        self.server = start_scp(contexts, bindings, **settings)
        self.port = port_of(self.server)

    def associate(self, stored: Any = None, roles: bool = True) -> Any:
        """Return an association for C-GET, to be used as a context manager."""
        roles_of = [build_role(CT, scp_role=True)] if roles else []
        return association(
            self.port,
            [self.model, *((CT, syntax) for syntax in UNCOMPRESSED), ECHO],
            ext_neg=roles_of,
            evt_handlers=[(evt.EVT_C_STORE, stored or Stored())],
        )

    def ask(self, stored: Any = None, msg_id: int = 1, roles: bool = True) -> list[Reply]:
        """Return the replies; no status if the association was aborted."""
        with self.associate(stored, roles) as assoc:
            replies = [
                reply_of(*reply) for reply in assoc.send_c_get(query(), self.model, msg_id=msg_id)
            ]
        self.log.wait_for("RELEASED" if replies[-1].status is not None else "ABORTED")
        return replies

    def peer(self) -> raw.Peer:
        """Return a raw peer that is associated: 1 is C-GET, 3 CT images as SCP."""
        return raw.associated(
            self.port,
            raw.proposal(1, self.model.encode(), raw.IMPLICIT),
            raw.STORE_CONTEXT,
            raw.proposal(5, raw.VERIFICATION, raw.IMPLICIT),
            user=raw.user_information(raw.roles(raw.CT_IMAGE, 0, 1)),
        )


def get_rq(message_id: int = 1, model: str = GET) -> bytes:
    return raw.message(retrieve_rq(0x0010, model, message_id), 1, IDENTIFIER)


def code_of(event: Any) -> tuple[int, Dataset | None]:
    """Yield a cancel if there is one, and else the next instance."""
    return (CANCEL, None) if event.is_cancelled else ok(2)


class TestRefused:
    def refuse(self, start_scp: StartSCP, handler: Any, code: int) -> None:
        archive = Archive(start_scp, handler)
        assert archive.ask() == [Reply(code, uids=[])]

    def test_unbound(self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture) -> None:
        self.refuse(start_scp, None, 0xC411)
        assert "no handler is bound to EVT_C_GET" in caplog.text

    def test_handler_raises(self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture) -> None:
        def fail(event: Any) -> None:
            raise KeyError("it is broken")

        self.refuse(start_scp, fail, 0xC411)
        assert caplog.text.count("Traceback") == 1

    @pytest.mark.parametrize("answer", NO_ITERATORS, ids=repr)
    def test_no_iterator(self, start_scp: StartSCP, answer: Any) -> None:
        self.refuse(start_scp, lambda event: answer, 0xC413)

    @pytest.mark.parametrize(("items", "refusal"), BAD_NUMBERS)
    def test_number(self, start_scp: StartSCP, items: Any, refusal: str) -> None:
        handler = Yields(*items)
        self.refuse(start_scp, handler, getattr(GET_REFUSALS, refusal))
        handler.wait()

    def test_bytes(self, start_scp: StartSCP) -> None:
        archive = Archive(start_scp, Yields())
        with archive.peer() as peer:
            peer.send(get_rq(7))
            response = peer.read_message()
            peer.release()
        assert response.elements[raw.COMMAND_FIELD] == raw.us(0x8010)
        assert response.number(raw.RESPONDED_TO) == 7
        assert response.elements[raw.SOP_CLASS] == raw.ui(GET.encode())
        assert response.data is None
        assert not {0x1020, 0x1021, 0x1022, 0x1023} & set(response.elements)


class TestItems:
    @pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
    def test_case(self, start_scp: StartSCP, case: Case) -> None:
        handler, stored = Yields(*case.items), Stored(case.answers)
        *pending, final = Archive(start_scp, handler).ask(stored)
        assert [reply[:5] for reply in pending] == [(PENDING, *counts) for counts in case.pending]
        if case.final.status is None:
            assert final == case.final._replace(status=0xC411)
        else:
            assert final == case.final
        handler.wait()

    @pytest.mark.parametrize("item", BAD_ITEMS)
    def test_bad_item(self, start_scp: StartSCP, item: Any) -> None:
        handler = Yields(1, item)
        assert Archive(start_scp, handler).ask() == [Reply(None)]
        handler.wait()

    @pytest.mark.parametrize(
        "code", sorted(c for c in QR_GET_SERVICE_CLASS_STATUS if c < 0xC010 or c == 0xFE00)
    )
    def test_every_status(
        self, start_scp: StartSCP, code: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        (final,) = Archive(start_scp, Yields(1, (code, None))).ask()
        assert final.status == code
        assert final.failed == (code not in (0x0000, CANCEL))
        assert final.remaining == (1 if code == CANCEL else None)
        assert complaints(caplog.records) == []

    @pytest.mark.parametrize("code", [0xFF01, 0xA801, 0x1234])
    def test_unknown_status(
        self, start_scp: StartSCP, code: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        archive = Archive(start_scp, Yields(3, ok(1), (code, None), ok(2)))
        with archive.peer() as peer:
            peer.send(get_rq())
            store = peer.read_message()
            peer.send(raw.message(raw.store_rsp(store.number(raw.MESSAGE_ID)), store.context_id))
            pending, final = peer.read_message(), peer.read_message()
            assert peer.echo(2, 5) == 0x0000
            peer.release()
        assert (pending.status, final.status) == (PENDING, code)
        assert final.data is None
        assert final.number(0x1021) == 1
        assert (0x1020 in final.elements) is (code == 0xFF01)
        assert any(f"0x{code:04X} is no status of" in line for line in complaints(caplog.records))

    def test_other_elements_stay(self, start_scp: StartSCP) -> None:
        told = status(PENDING, ErrorComment="slowly")
        archive = Archive(start_scp, Yields(2, (told, instance(1)), ok(2)))
        with archive.associate() as assoc:
            replies = [reply for reply, _ in assoc.send_c_get(query(), GET)]
        assert [reply.get("ErrorComment") for reply in replies] == ["slowly"] * 3

    def test_any_iterator(self, start_scp: StartSCP) -> None:
        archive = Archive(start_scp, lambda event: iter([1, ok(1)]))
        assert archive.ask()[-1] == Reply(0x0000, None, 1, 0, 0)

    def test_cannot_be_closed(self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture) -> None:
        def handle(event: Any) -> Iterator[Any]:
            try:
                yield 1
                yield CANCEL, None
            finally:
                raise LookupError

        assert Archive(start_scp, handle).ask()[-1].status == CANCEL
        assert "Exception in the handler of EVT_C_GET when it was closed" in caplog.text


class TestSubOperations:
    def test_message_ids(self, start_scp: StartSCP) -> None:
        archive, stored = Archive(start_scp, lambda event: iter([3, ok(1), ok(2), ok(3)])), Stored()
        archive.ask(stored, 7)
        archive.ask(stored, 65533)
        assert stored.events == [
            (1, 8, None, None),
            (2, 9, None, None),
            (3, 10, None, None),
            (1, 65534, None, None),
            (2, 65535, None, None),
            (3, 1, None, None),
        ]

    def test_files_and_data_sets(self, start_scp: StartSCP, tmp_path: Path) -> None:
        path = save(instance(2), tmp_path)
        implicit = save(instance(3, syntax=ImplicitVRLittleEndian), tmp_path)
        handler = Yields(4, ok(1), (PENDING, path), (PENDING, str(implicit)), ok(4))
        stored = Stored()
        assert Archive(start_scp, handler).ask(stored)[-1] == Reply(0x0000, None, 4, 0, 0)
        assert stored.numbers == [1, 2, 3, 4]
        assert stored.data_sets[1] == dcmread(path)
        assert str(stored.data_sets[2].PatientName) == "Number^3"

    def test_file_of_incomplete_meta(self, start_scp: StartSCP, tmp_path: Path) -> None:
        path = tmp_path / "file.dcm"
        data_set = instance(1)
        data_set.preamble = bytes(128)
        data_set.save_as(path)
        assert Archive(start_scp, Yields(1, (PENDING, path))).ask()[-1].status == 0x0000

    def test_large_file(self, start_scp: StartSCP, tmp_path: Path) -> None:
        path = make_file(tmp_path / "large.dcm", 32 * 1024 * 1024)
        archive = Archive(start_scp, Yields(1, (PENDING, path)))
        with archive.associate(lambda event: 0x0000) as assoc, peak_memory() as peak:
            replies = [reply_of(*reply) for reply in assoc.send_c_get(query(), GET)]
        assert replies[-1].status == 0x0000
        assert peak.size < 16 * 1024 * 1024

    def test_without_role(self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture) -> None:
        replies = Archive(start_scp, Yields(1, ok(1))).ask(roles=False)
        assert replies[-1] == Reply(0xA702, None, 0, 1, 0, [uid(1)])
        assert "the role of SCU was not agreed" in caplog.text

    @pytest.mark.parametrize(
        "other", [instance(5, MR), instance(5, syntax=JPEGBaseline8Bit)], ids=["class", "syntax"]
    )
    def test_without_context(self, start_scp: StartSCP, other: Dataset) -> None:
        replies = Archive(start_scp, Yields(2, (PENDING, other), ok(1))).ask()
        assert replies[-1] == Reply(0xB000, None, 1, 1, 0, [uid(5)])

    def test_unfit_file_is_not_decoded(
        self, start_scp: StartSCP, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.delattr("pydicom.filereader.dcmread")
        path = get_testdata_file("JPEG2000.dcm", download=False)
        replies = Archive(start_scp, Yields(1, (PENDING, path))).ask()
        assert replies[-1].status == 0xA702

    def test_log(self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "pynetdicom.service_class")

        def refuse(event: Any) -> Dataset:
            return status(0xA700, ErrorComment="disk full")

        items = [ok(number) for number in range(1, 15)]
        stored = Stored(dict.fromkeys(range(2, 15), refuse))
        Archive(start_scp, Yields(14, *items)).ask(stored)
        failures = [line for line in complaints(caplog.records) if "sub-operation" in line]
        assert failures[0] == (
            f"C-STORE sub-operation for {uid(2)} failed: status 0xA700 (Refused: out of "
            "resources) disk full"
        )
        assert len(failures) == 10
        (line,) = (r.getMessage() for r in caplog.records if "C-GET of" in r.getMessage())
        assert "status 0xB000; of 14 sub-operations 1 completed, 13 failed, 0 with" in line


class TestCancel:
    def test_before(self, start_scp: StartSCP) -> None:
        """It has come before the handler begins, or is there when it looks."""
        archive = Archive(start_scp, Yields(2, code_of, ok(1)))
        with archive.peer() as peer:
            peer.send(get_rq(3), raw.message(raw.cancel_rq(3)))
            final = peer.read_message()
            peer.release()
        assert final.status == CANCEL
        assert final.number(0x1020) == 2

    def test_between(self, start_scp: StartSCP) -> None:
        """It comes before the response to a sub-operation."""
        archive = Archive(start_scp, Yields(3, ok(1), code_of, code_of))

        def cancel(event: Any) -> int:
            event.assoc.send_c_cancel(1, query_model=GET)
            return 0x0000

        replies = archive.ask(Stored({1: cancel}))
        assert replies[-1] == Reply(CANCEL, 2, 1, 0, 0, [])

    def test_ignored_by_the_handler(self, start_scp: StartSCP) -> None:
        archive = Archive(start_scp, Yields(2, ok(1), ok(2)))
        with archive.associate() as assoc:
            responses = assoc.send_c_get(query(), GET)
            next(responses)
            responses.cancel()
            assert [reply.Status for reply, _ in responses] == [PENDING, 0x0000]

    def test_after(self, start_scp: StartSCP) -> None:
        archive = Archive(start_scp, Yields(1, code_of))
        with archive.peer() as peer:
            for _ in range(2):
                peer.send(get_rq(3))
                store = peer.read_message()
                number = store.number(raw.MESSAGE_ID)
                peer.send(raw.message(raw.store_rsp(number), store.context_id))
                assert [peer.read_message().status for _ in range(2)] == [PENDING, 0x0000]
                peer.send(raw.message(raw.cancel_rq(3)))
            peer.release()

    def test_is_seen_once(self, start_scp: StartSCP) -> None:
        seen: list[bool] = []

        def look(event: Any) -> tuple[int, Dataset | None]:
            seen.extend((event.is_cancelled, event.is_cancelled))
            return CANCEL, None

        archive = Archive(start_scp, Yields(1, look))
        with archive.peer() as peer:
            peer.send(get_rq(3), raw.message(raw.cancel_rq(3)))
            assert peer.read_message().status == CANCEL
            peer.release()
        assert seen == [True, False]


def test_no_response_waits_for_the_next(start_scp: StartSCP) -> None:
    """Who gets it has something to do meanwhile."""
    waiting: list[list[bool]] = []

    def handler(event: Any) -> Iterator[Any]:
        waiting.append(note_waiting(event.assoc))
        yield from (3, ok(1), ok(2), ok(3))

    archive = Archive(start_scp, handler)
    assert archive.ask()[-1] == Reply(0x0000, None, 3, 0, 0)
    assert waiting[0] == [False] * 7


class TestEnd:
    """The association ends before the retrieval."""

    def gone(self, archive: Archive, handler: Yields, name: str) -> None:
        handler.wait()
        join(archive.log.wait_for(name).assoc)

    @pytest.mark.parametrize("end", ["abort", "close", "reset"])
    def test_by_the_peer(
        self, start_scp: StartSCP, end: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "pynetdicom.service_class")
        handler = Yields(2, ok(1), ok(2))
        archive = Archive(start_scp, handler)
        with archive.peer() as peer:
            peer.send(get_rq())
            peer.read_message()
            peer.send(raw.abort()) if end == "abort" else getattr(peer, end)()
            self.gone(archive, handler, "ABORTED")
        assert "given up, as its requestor has gone; of 2 sub-operations 0" in caplog.text
        assert "sub-operation for" not in caplog.text

    def test_by_the_peer_while_the_handler_runs(self, start_scp: StartSCP) -> None:
        def wait(event: Any) -> tuple[int, Dataset | None]:
            peer.send(raw.abort())
            event.assoc.dul.socket.wait(True, False, raw.PATIENCE)
            return ok(1)

        handler = Yields(1, wait)
        archive = Archive(start_scp, handler)
        with archive.peer() as peer:
            peer.send(get_rq())
            self.gone(archive, handler, "ABORTED")
            assert peer.drain() == b""

    def test_release_by_the_peer(self, start_scp: StartSCP) -> None:
        handler = Yields(2, ok(1), ok(2))
        archive = Archive(start_scp, handler)
        with archive.peer() as peer:
            peer.send(get_rq(), raw.release_rq())
            peer.expect(raw.RELEASE_RP)
        self.gone(archive, handler, "RELEASED")

    def test_release_instead_of_a_response(self, start_scp: StartSCP) -> None:
        handler = Yields(2, ok(1), ok(2))
        archive = Archive(start_scp, handler, dimse_timeout=SOON)
        with archive.peer() as peer:
            peer.send(get_rq())
            peer.read_message()
            peer.send(raw.release_rq())
            assert peer.read_pdu().pdu_type in (raw.ABORT, raw.RELEASE_RP)
        handler.wait()

    @pytest.mark.parametrize(("end", "name"), [("abort", "ABORTED"), ("release", "RELEASED")])
    def test_by_the_handler(self, start_scp: StartSCP, end: str, name: str) -> None:
        def leave(event: Any) -> tuple[int, Dataset | None]:
            getattr(event.assoc, end)()
            return ok(2)

        handler, stored = Yields(2, ok(1), leave), Stored()
        archive = Archive(start_scp, handler)
        with archive.associate(stored) as assoc:
            replies = [reply_of(*reply) for reply in assoc.send_c_get(query(), GET)]
        assert replies == [Reply(PENDING, 1, 1, 0, 0), Reply(None)]
        self.gone(archive, handler, name)
        assert stored.numbers == [1]

    def test_by_the_handler_of_the_requestor(self, start_scp: StartSCP) -> None:
        def leave(event: Any) -> int:
            event.assoc.abort()
            return 0x0000

        handler = Yields(2, ok(1), ok(2))
        archive = Archive(start_scp, handler)
        assert archive.ask(Stored({1: leave})) == [Reply(None)]
        self.gone(archive, handler, "ABORTED")

    def test_no_response_to_a_sub_operation(self, start_scp: StartSCP) -> None:
        handler = Yields(2, ok(1), ok(2))
        archive = Archive(start_scp, handler, dimse_timeout=SOON)
        with archive.peer() as peer:
            peer.send(get_rq())
            peer.read_message()
            peer.expect_abort()
        self.gone(archive, handler, "ABORTED")


class TestServiceClasses:
    @pytest.mark.parametrize(
        ("prefix", "numbers", "service"),
        [
            ("1.2.840.10008.5.1.4.1.2.1", (1, 2, 3), QueryRetrieveServiceClass),
            ("1.2.840.10008.5.1.4.1.2.2", (1, 2, 3), QueryRetrieveServiceClass),
            ("1.2.840.10008.5.1.4.1.2.3", (1, 2, 3), QueryRetrieveServiceClass),
            ("1.2.840.10008.5.1.4.38", (2, 3, 4), HangingProtocolQueryRetrieveServiceClass),
            ("1.2.840.10008.5.1.4.39", (2, 3, 4), ColorPaletteQueryRetrieveServiceClass),
            ("1.2.840.10008.5.1.4.43", (2, 3, 4), ImplantTemplateQueryRetrieveServiceClass),
            ("1.2.840.10008.5.1.4.44", (2, 3, 4), ImplantTemplateQueryRetrieveServiceClass),
            ("1.2.840.10008.5.1.4.45", (2, 3, 4), ImplantTemplateQueryRetrieveServiceClass),
            (
                "1.2.840.10008.5.1.4.20",
                (1, 2, 3),
                DefinedProcedureProtocolQueryRetrieveServiceClass,
            ),
            (
                "1.2.840.10008.5.1.4.1.1.200",
                (4, 5, 6),
                ProtocolApprovalQueryRetrieveServiceClass,
            ),
            ("1.2.840.10008.5.1.4.1.1.201", (2, 3, 4), InventoryQueryRetrieveServiceClass),
        ],
    )
    def test_models(
        self, start_scp: StartSCP, prefix: str, numbers: tuple[int, ...], service: Any
    ) -> None:
        find, move, get = (f"{prefix}.{number}" for number in numbers)
        assert {uid_to_service_class(uid) for uid in (find, move, get)} == {service}
        archive = Archive(start_scp, Yields(1, ok(1)), get)
        assert archive.ask()[-1].status == 0x0000

    @pytest.mark.parametrize("model", [FIND, MOVE])
    def test_other_operation(self, start_scp: StartSCP, model: str) -> None:
        handler = Yields(1, ok(1))
        archive = Archive(start_scp, handler, model)
        with archive.peer() as peer:
            peer.send(get_rq(model=GET))
            peer.expect_abort()
        assert not handler.closed.is_set()

    def test_statuses(self, start_scp: StartSCP) -> None:
        assert 0xFF00 not in QueryRetrieveServiceClass.statuses
        with association(port_of(start_scp())) as assoc:
            assert 0xFF00 not in QueryRetrieveServiceClass(assoc).statuses


class TestWithoutBulkData:
    def test_over_the_network(self, start_scp: StartSCP) -> None:
        path = get_testdata_file("CT_small.dcm", download=False)
        data_set = dcmread(path)
        handler = Yields(2, (PENDING, data_set), (PENDING, path))
        seen: list[Dataset] = []

        def keep(event: Any) -> int:
            seen.append(event.dataset)
            return 0x0000

        assert Archive(start_scp, handler, WITHOUT_BULK_DATA).ask(keep)[-1].completed == 2
        assert "PixelData" in data_set
        del data_set.PixelData
        assert seen == [data_set, data_set]

    def test_elements(self) -> None:
        bulk = {
            0x00287FE0: ("UR", "http://x"),
            0x00420011: ("OB", b"12"),
            0x56000020: ("OF", b"1234"),
            0x7FE00008: ("OF", b"1234"),
            0x7FE00009: ("OD", b"12345678"),
            0x7FE00010: ("OW", b"12"),
            0x5000200C: ("OW", b"12"),
            0x50FE3000: ("OW", b"12"),
            0x60023000: ("OW", b"12"),
        }
        kept = {0x60020010: ("US", 5), 0x50000010: ("US", 5), 0x7FE10010: ("LO", "mine")}
        data_set = instance(1)
        for tag, (vr, value) in (bulk | kept).items():
            data_set.add_new(tag, vr, value)
        item = Dataset()
        item.WaveformData = b"12"
        item.WaveformBitsAllocated = 8
        data_set.WaveformSequence = [item]
        found = without_bulk_data(as_instance(data_set)).source
        assert isinstance(found, Dataset)
        assert not set(bulk) & set(found.keys())
        assert set(kept) <= set(found.keys())
        assert found.PatientName == data_set.PatientName
        assert [list(i.keys()) for i in found.WaveformSequence] == [[0x54001004]]
        assert found.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert set(bulk) <= set(data_set.keys())
        assert "WaveformData" in data_set.WaveformSequence[0]

    @pytest.mark.parametrize("name", ["CT_small.dcm", "image_dfl.dcm", "MR_small_implicit.dcm"])
    def test_encoding_stays_known(self, name: str) -> None:
        path = get_testdata_file(name, download=False)
        found, original = without_bulk_data(as_instance(path)).source, dcmread(path)
        assert isinstance(found, Dataset)
        assert found.original_encoding == original.original_encoding
        del original.PixelData
        assert found == original
