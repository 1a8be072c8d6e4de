"""C-MOVE as SCP: where instances go, what becomes of destinations, and how it ends."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
)

import pynetdicom.service_class.responses as responses
from pynetdicom import AE, AllStoragePresentationContexts, build_context, build_role, evt
from tests.support import raw
from tests.support.associations import CT, ECHO, SOON, EventLog, association, join, port_of
from tests.support.raw import HOST
from tests.support.retrievals import (
    BAD_ITEMS,
    BAD_NUMBERS,
    CANCEL,
    CASES,
    GET,
    IDENTIFIER,
    MOVE,
    MOVE_REFUSALS,
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
from tests.support.watch import complaints, note_waiting

StartSCP = Callable[..., Any]
MR = raw.MR_IMAGE.decode()
CONTEXTS = [build_context(CT, syntax) for syntax in UNCOMPRESSED]
SOP_CLASSES = [str(context.abstract_syntax) for context in AllStoragePresentationContexts]


class Archive:
    """An SCP of C-MOVE with one handler.

    Attributes
    ----------
    log : EventLog
        What happens to the SCP's associations with its requestors.
    """

    def __init__(
        self,
        start_scp: StartSCP,
        handler: Any = None,
        contexts: Sequence[Any] = CONTEXTS,
        **settings: Any,
    ) -> None:
        self.log = EventLog("ABORTED RELEASED")
        bindings = list(self.log.bindings)
        if handler is not None:
            bindings.append((evt.EVT_C_MOVE, handler))
        self.server = start_scp([MOVE, GET, ECHO], bindings, ae_title="ARCHIVE", **settings)
        self.server.ae.requested_contexts = list(contexts)
        self.port = port_of(self.server)

    def ask(self, msg_id: int = 1, **arguments: Any) -> list[Reply]:
        """Return the replies; no status if the association was aborted."""
        with association(self.port, [MOVE, ECHO], **arguments) as assoc:
            responses = assoc.send_c_move(query(), "DESTINATION", MOVE, msg_id=msg_id)
            replies = [reply_of(*reply) for reply in responses]
        self.log.wait_for("RELEASED" if replies[-1].status is not None else "ABORTED")
        return replies

    def peer(self) -> raw.Peer:
        """Return a raw peer that is associated for C-MOVE in context 1."""
        return raw.associated(self.port, raw.proposal(1, MOVE.encode(), raw.IMPLICIT))


def move_rq(message_id: int = 1, destination: bytes = b"DESTINATION ") -> bytes:
    elements = retrieve_rq(0x0021, MOVE, message_id, destination)
    return raw.message(elements, 1, IDENTIFIER)


class Node:
    """An SCP of Storage: a destination.

    Attributes
    ----------
    place : tuple
        What a handler yields as its destination.
    log : EventLog
        What happens to its associations.
    """

    def __init__(
        self,
        start_scp: StartSCP,
        stored: Any = None,
        contexts: Sequence[Any] = ((CT, UNCOMPRESSED),),
        **settings: Any,
    ) -> None:
        self.stored = stored or Stored()
        self.log = EventLog("ABORTED RELEASED ESTABLISHED REJECTED ACCEPTED")
        bindings = [*self.log.bindings, (evt.EVT_C_STORE, self.stored)]
        self.server = start_scp(contexts, bindings, **settings)
        self.place = (HOST, port_of(self.server))

    def released(self, count: int = 1) -> None:
        """Wait until so many associations are released, which must be all there were."""
        self.log.wait_for("RELEASED", count)
        assert self.log.all("ABORTED") == []
        assert len(self.log.all("ESTABLISHED")) == count

    def proposals(self) -> list[list[tuple[str, list[str]]]]:
        """Return what each association proposed, without Verification."""
        return [
            [
                (str(cx.abstract_syntax), [str(uid) for uid in cx.transfer_syntax])
                for cx in event.assoc.requestor.requested_contexts
            ]
            for event in self.log.all("ACCEPTED")
        ]


class TestRefused:
    def refuse(self, start_scp: StartSCP, handler: Any, code: int, **settings: Any) -> None:
        assert Archive(start_scp, handler, **settings).ask() == [Reply(code, uids=[])]

    def test_unbound(self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture) -> None:
        self.refuse(start_scp, None, 0xC511)
        assert "no handler is bound to EVT_C_MOVE" in caplog.text

    def test_handler_raises(self, start_scp: StartSCP) -> None:
        def fail(event: Any) -> None:
            raise KeyError("it is broken")

        self.refuse(start_scp, fail, 0xC511)

    @pytest.mark.parametrize("answer", NO_ITERATORS, ids=repr)
    def test_no_iterator(self, start_scp: StartSCP, answer: Any) -> None:
        self.refuse(start_scp, lambda event: answer, 0xC514)

    @pytest.mark.parametrize("items", [(), (KeyError("x"),)], ids=["nothing", "exception"])
    def test_no_destination(self, start_scp: StartSCP, items: Any) -> None:
        self.refuse(start_scp, Yields(*items), 0xC514)

    @pytest.mark.parametrize(
        "place", [(None, None), (None, 104), (HOST, None), (None,), [None, None, {}]], ids=repr
    )
    def test_unknown(
        self, start_scp: StartSCP, place: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        read: list[str] = []
        handler = Yields(place, lambda event: read.append("more"))
        self.refuse(start_scp, handler, 0xA801)
        assert read == []
        assert "DESTINATION is not known" in caplog.text
        handler.wait()

    @pytest.mark.parametrize(
        "place", [None, 5, "host", {"addr": HOST}, object()], ids=lambda place: type(place).__name__
    )
    def test_no_sequence(self, start_scp: StartSCP, place: Any) -> None:
        self.refuse(start_scp, Yields(place, 1, ok(1)), 0xC515)

    @pytest.mark.parametrize(
        "place",
        [
            (HOST,),
            (),
            (HOST, "104"),
            (HOST, 70000.5),
            (104, HOST),
            (HOST, 104, 5),
            (HOST, 104, None),
            (HOST, 104, {"colour": "red"}),
            (HOST, 104, {"port": 105}),
            (HOST, 104, {"max_pdu": -1}),
            (HOST, 104, {"ae_title": ""}),
            (HOST, 104, {"contexts": ["CT"]}),
            (HOST, 104, {"contexts": 5}),
            ("does.not.exist.invalid", 104),
        ],
        ids=repr,
    )
    @pytest.mark.parametrize("contexts", [CONTEXTS, []], ids=["planned", "unplanned"])
    def test_unusable(
        self, start_scp: StartSCP, place: Any, contexts: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        handler = Yields(place, 1, ok(1))
        self.refuse(start_scp, handler, 0xC515, contexts=contexts)
        assert complaints(caplog.records)
        handler.wait()

    @pytest.mark.parametrize(("items", "refusal"), BAD_NUMBERS)
    def test_number(self, start_scp: StartSCP, items: Any, refusal: str) -> None:
        code = getattr(MOVE_REFUSALS, refusal)
        self.refuse(start_scp, Yields((HOST, 104), *items), code)

    @pytest.mark.parametrize("contexts", [CONTEXTS, []], ids=["planned", "unplanned"])
    def test_nobody_listens(self, start_scp: StartSCP, contexts: Any) -> None:
        with raw.serving() as nobody:
            pass
        handler = Yields((HOST, nobody.port), 2, ok(1), ok(2))
        self.refuse(start_scp, handler, 0xA801, contexts=contexts)
        handler.wait()

    @pytest.mark.parametrize("contexts", [CONTEXTS, []], ids=["planned", "unplanned"])
    @pytest.mark.parametrize(
        "answer",
        [
            lambda peer: (peer.send(raw.associate_rj(1, 1, 7)), peer.drain()),
            lambda peer: (peer.send(raw.abort()), peer.drain()),
            lambda peer: peer.reset(),
        ],
        ids=["rejected", "aborted", "lost"],
    )
    def test_refuses(self, start_scp: StartSCP, answer: Any, contexts: Any) -> None:
        def script(peer: raw.Peer) -> None:
            peer.expect(raw.ASSOCIATE_RQ)
            answer(peer)

        with raw.serving(script) as server:
            handler = Yields((HOST, server.port), 2, ok(1), ok(2))
            self.refuse(start_scp, handler, 0xA801, contexts=contexts)

    def test_does_not_answer(self, start_scp: StartSCP) -> None:
        with raw.serving(lambda peer: peer.drain()) as server:
            self.refuse(start_scp, Yields((HOST, server.port), 1), 0xA801, acse_timeout=SOON)

    def test_accepts_no_context(self, start_scp: StartSCP) -> None:
        node = Node(start_scp, contexts=[MR])
        self.refuse(start_scp, Yields(node.place, 1, ok(1)), 0xA801)


class TestItems:
    @pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
    def test_case(self, start_scp: StartSCP, case: Case) -> None:
        node = Node(start_scp, Stored(case.answers))
        handler = Yields(node.place, *case.items)
        *pending, final = Archive(start_scp, handler).ask()
        assert [reply[:5] for reply in pending] == [(PENDING, *counts) for counts in case.pending]
        if case.final.status is None:
            assert final == case.final._replace(status=0xC511)
        else:
            assert final == case.final
        handler.wait()
        if int(case.items[0]) > 0:
            node.released()
        else:
            assert node.log.events == []

    @pytest.mark.parametrize("item", BAD_ITEMS)
    def test_bad_item(self, start_scp: StartSCP, item: Any) -> None:
        node = Node(start_scp)
        handler = Yields(node.place, 1, item)
        assert Archive(start_scp, handler).ask() == [Reply(None)]
        handler.wait()
        node.released()

    @pytest.mark.parametrize("code", [0xFF01, 0x1234])
    def test_unknown_status(self, start_scp: StartSCP, code: int) -> None:
        node = Node(start_scp)
        archive = Archive(start_scp, Yields(node.place, 3, ok(1), (code, None), ok(2)))
        with archive.peer() as peer:
            peer.send(move_rq())
            pending, final = peer.read_message(), peer.read_message()
            node.released()
            peer.release()
        assert (pending.status, final.status) == (PENDING, code)
        assert final.data is None
        assert final.number(0x1021) == 1
        assert (0x1020 in final.elements) is (code == 0xFF01)

    def test_destination_unknown_as_status(self, start_scp: StartSCP) -> None:
        node = Node(start_scp)
        (final,) = Archive(start_scp, Yields(node.place, 1, (0xA801, None))).ask()
        assert final == Reply(0xA801, None, 0, 1, 0, [])

    def test_originator(self, start_scp: StartSCP) -> None:
        node = Node(start_scp)
        Archive(start_scp, Yields(node.place, 2, ok(1), ok(2))).ask(65534)
        assert node.stored.events == [(1, 65535, "ARCHIVE", 65534), (2, 1, "ARCHIVE", 65534)]

    def test_called_title_and_options(self, start_scp: StartSCP) -> None:
        node = Node(start_scp)
        seen: list[Any] = []
        options = {
            "ae_title": "OTHER",
            "contexts": [build_context(CT, ImplicitVRLittleEndian)],
            "max_pdu": 4096,
            "evt_handlers": [(evt.EVT_ESTABLISHED, seen.append)],
        }
        Archive(start_scp, Yields(node.place, 1, ok(1))).ask()
        Archive(start_scp, Yields((*node.place, options), 1, ok(1)), []).ask()
        first, second = (event.assoc for event in node.log.all("ESTABLISHED"))
        assert first.requestor.primitive.called_ae_title == "DESTINATION"
        assert first.requestor.ae_title == "ARCHIVE"
        assert second.requestor.primitive.called_ae_title == "OTHER"
        assert second.requestor.maximum_length == 4096
        assert len(seen) == 1
        assert node.stored.syntaxes == [ExplicitVRLittleEndian, ImplicitVRLittleEndian]


class TestPace:
    def test_pending_may_wait(self, start_scp: StartSCP, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(responses, "monotonic", lambda: 10.0)
        waiting: list[list[bool]] = []
        node = Node(start_scp)

        def handler(event: Any) -> Iterator[Any]:
            waiting.append(note_waiting(event.assoc))
            yield from (node.place, 3, ok(1), ok(2), ok(3))

        assert Archive(start_scp, handler).ask()[-1] == Reply(0x0000, None, 3, 0, 0)
        assert waiting[0] == [False, True, True, False]


class TestDestinations:
    def test_itself(self, start_scp: StartSCP) -> None:
        """The requestor's own AE is the destination; all is over with the final response."""
        node = Node(start_scp)
        archive = Archive(start_scp, Yields(node.place, 2, ok(1), ok(2)))
        assert archive.ask(ae=node.server.ae)[-1] == Reply(0x0000, None, 2, 0, 0)
        node.released()

    def test_files(self, start_scp: StartSCP, tmp_path: Path) -> None:
        node = Node(start_scp)
        path = save(instance(2), tmp_path)
        handler = Yields(node.place, 3, ok(1), (PENDING, path), (PENDING, str(path)))
        assert Archive(start_scp, handler).ask()[-1] == Reply(0x0000, None, 3, 0, 0)
        assert node.stored.numbers == [1, 2, 2]
        node.released()

    @pytest.mark.parametrize("end", ["abort", "reset"])
    def test_dies_half_way(
        self, start_scp: StartSCP, end: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        def script(peer: raw.Peer) -> None:
            peer.accept()
            request = peer.read_message()
            number = request.number(raw.MESSAGE_ID)
            peer.send(raw.message(raw.store_rsp(number), request.context_id))
            peer.read_message()
            peer.send(raw.abort()) if end == "abort" else peer.reset()

        with raw.serving(script) as server:
            handler = Yields((HOST, server.port), 6, *(ok(number) for number in range(1, 7)))
            *pending, final = Archive(start_scp, handler).ask()
        assert len(pending) == 6
        assert final == Reply(0xB000, None, 1, 5, 0, [uid(number) for number in range(2, 7)])
        told = [line for line in complaints(caplog.records) if "sub-operation for" in line]
        assert len(told) == 2
        assert "no response came" in told[0]
        assert f"the association with DESTINATION at {HOST}:{server.port} was lost" in told[1]

    def test_does_not_respond(self, start_scp: StartSCP) -> None:
        def script(peer: raw.Peer) -> None:
            peer.accept()
            peer.read_message()
            peer.expect_abort()

        with raw.serving(script) as server:
            handler = Yields((HOST, server.port), 3, ok(1), ok(2), ok(3))
            final = Archive(start_scp, handler, dimse_timeout=SOON).ask()[-1]
        assert final == Reply(0xA702, None, 0, 3, 0, [uid(1), uid(2), uid(3)])

    def test_does_not_agree_to_the_release(self, start_scp: StartSCP) -> None:
        def script(peer: raw.Peer) -> None:
            peer.accept()
            peer.expect(raw.RELEASE_RQ)
            peer.expect_abort()

        with raw.serving(script) as server:
            archive = Archive(start_scp, Yields((HOST, server.port), 1, (CANCEL, None)))
            archive.server.ae.limits.close_timeout = SOON
            assert archive.ask()[-1].status == CANCEL

    def test_ends_while_it_is_not_used(self, start_scp: StartSCP) -> None:
        """A new association is made then, since the destination may well be there."""
        node = Node(start_scp)

        def wait(event: Any) -> Any:
            for acceptance in node.log.all("ESTABLISHED"):
                acceptance.assoc.release()
            for assoc in event.assoc.ae.active_associations:
                if assoc.is_requestor:
                    join(assoc)
            return ok(2)

        final = Archive(start_scp, Yields(node.place, 2, ok(1), wait)).ask()[-1]
        assert final == Reply(0x0000, None, 2, 0, 0)
        node.released(2)

    def test_file_that_becomes_shorter(
        self, start_scp: StartSCP, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is wrong with one file is no reason not to send the others."""

        def pieces(*arguments: Any) -> Any:
            yield b"\0\0", False
            raise OSError("the file became shorter")

        node = Node(start_scp)
        path = save(instance(1), tmp_path)
        monkeypatch.setattr("pynetdicom.association.scu.file_pieces", pieces)
        handler = Yields(node.place, 2, (PENDING, path), ok(2))
        assert Archive(start_scp, handler).ask()[-1] == Reply(0xB000, None, 1, 1, 0, [uid(1)])
        node.log.wait_for("RELEASED")
        assert node.stored.numbers == [2]

    def test_goes_away_before_a_further_association(self, start_scp: StartSCP) -> None:
        """There is one association at a time, so nothing more can be sent."""
        node = Node(start_scp)

        def stop(event: Any) -> Any:
            node.server.shutdown()
            node.server.server_close()
            return PENDING, instance(2, MR)

        handler = Yields(node.place, 4, ok(1), stop, (PENDING, instance(3, MR)), ok(4))
        final = Archive(start_scp, handler).ask()[-1]
        assert final == Reply(0xB000, None, 1, 3, 0, [uid(2), uid(3), uid(4)])
        node.released()


class TestContexts:
    """Which contexts are proposed in which associations."""

    KINDS = (
        (CT, ExplicitVRLittleEndian),
        (CT, JPEG2000),
        (MR, RLELossless),
        (CT, ExplicitVRBigEndian),
        (MR, DeflatedExplicitVRLittleEndian),
        (MR, ImplicitVRLittleEndian),
    )

    def kinds(self, repeat: int = 1) -> list[tuple[int, Dataset]]:
        items = [(PENDING, instance(n, *kind)) for n, kind in enumerate(self.KINDS * repeat)]
        for _, data_set in items:
            syntax = data_set.file_meta.TransferSyntaxUID
            data_set.set_original_encoding(syntax.is_implicit_VR, syntax.is_little_endian)
        return items

    def test_reused(self, start_scp: StartSCP) -> None:
        node = Node(start_scp)
        Archive(start_scp, Yields(node.place, 20, *(ok(number) for number in range(20)))).ask()
        node.released(1)
        assert node.proposals() == [[(CT, [syntax]) for syntax in UNCOMPRESSED]]

    def test_unplanned(self, start_scp: StartSCP) -> None:
        """Without contexts of the handler or the AE they are those of the instances."""
        node = Node(start_scp)
        handler = Yields(node.place, 2, ok(1), (PENDING, instance(2, syntax=JPEGBaseline8Bit)))
        final = Archive(start_scp, handler, []).ask()[-1]
        assert final == Reply(0xB000, None, 1, 1, 0, [uid(2)])
        explicit = (CT, [ExplicitVRLittleEndian])
        others = (CT, [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
        assert node.proposals() == [
            [explicit, others],
            [explicit, others, (CT, [JPEGBaseline8Bit])],
        ]

    def test_unplanned_and_no_first_context(self, start_scp: StartSCP) -> None:
        node = Node(start_scp)
        handler = Yields(node.place, 2, (PENDING, instance(1, MR)), ok(2))
        final = Archive(start_scp, handler, []).ask()[-1]
        assert final == Reply(0xB000, None, 1, 1, 0, [uid(1)])

    @pytest.mark.parametrize("contexts", [CONTEXTS, []], ids=["planned", "unplanned"])
    def test_many_kinds(self, start_scp: StartSCP, contexts: Any) -> None:
        syntaxes = [
            *UNCOMPRESSED,
            JPEG2000,
            RLELossless,
            ExplicitVRBigEndian,
            DeflatedExplicitVRLittleEndian,
        ]
        node = Node(start_scp, contexts=[(CT, syntaxes), (MR, syntaxes)])
        items = self.kinds(3)
        final = Archive(start_scp, Yields(node.place, 18, *items), contexts).ask()[-1]
        assert final == Reply(0x0000, None, 18, 0, 0)
        assert node.stored.syntaxes[1] == JPEG2000
        assert node.stored.numbers == list(range(18))
        # After the first of each kind no more associations are made
        assert len(node.proposals()) <= len(self.KINDS)
        node.released(len(node.proposals()))

    def test_refused_is_remembered(
        self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture
    ) -> None:
        node = Node(start_scp)
        others = [(PENDING, instance(number, MR)) for number in range(1, 4)]
        handler = Yields(node.place, 4, *others, ok(4))
        final = Archive(start_scp, handler).ask()[-1]
        assert final == Reply(0xB000, None, 1, 3, 0, [uid(1), uid(2), uid(3)])
        assert len(node.log.all("ACCEPTED")) == 2
        assert caplog.text.count("the peer answered 'Abstract Syntax Not Supported'") == 3

    def test_rejected_is_not_proposed_again(
        self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture
    ) -> None:
        node = Node(start_scp, contexts=[(CT, ImplicitVRLittleEndian)])
        contexts = [
            build_context(CT, ImplicitVRLittleEndian),
            build_context(CT, JPEG2000),
            build_context(MR, JPEG2000),
        ]
        others = [
            (PENDING, instance(1, CT, JPEG2000)),
            (PENDING, instance(2, MR)),
            (PENDING, instance(3, CT, JPEG2000)),
        ]
        final = Archive(start_scp, Yields(node.place, 4, *others, ok(4)), contexts).ask()[-1]
        assert final.failed == 3
        assert len(node.log.all("ACCEPTED")) == 1
        assert "has refused 'CT Image Storage' in 'JPEG 2000 Image Compression'" in caplog.text

    def test_other_syntax_of_a_rejected_one(self, start_scp: StartSCP) -> None:
        node = Node(start_scp, contexts=[(CT, ImplicitVRLittleEndian), MR])
        contexts = [build_context(CT, ExplicitVRLittleEndian), build_context(MR)]
        assert Archive(start_scp, Yields(node.place, 1, ok(1)), contexts).ask()[-1].completed == 1
        others = [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian]
        assert [proposal[-1] for proposal in node.proposals()[1:]] == [(CT, others)]

    def test_more_than_fit_one_association(self, start_scp: StartSCP) -> None:
        assert len(SOP_CLASSES) > 130
        classes = [SOP_CLASSES[0], SOP_CLASSES[140], SOP_CLASSES[141], SOP_CLASSES[1]]
        contexts = [build_context(uid, UNCOMPRESSED) for uid in SOP_CLASSES]
        node = Node(start_scp, contexts=[(uid, UNCOMPRESSED) for uid in SOP_CLASSES])
        place = (*node.place, {"contexts": contexts})
        items = [(PENDING, instance(n, uid)) for n, uid in enumerate(classes)]
        assert Archive(start_scp, Yields(place, 4, *items)).ask()[-1].completed == 4
        first, *others = node.proposals()
        assert [sop_class for sop_class, _ in first] == SOP_CLASSES[:128]
        # For the others there was no room, and what was proposed first has made room for them
        assert [proposal[-1][0] for proposal in others] == classes[1:]
        node.released(4)

    def test_many_sop_classes(self, start_scp: StartSCP) -> None:
        """More than an association has room for, with one open at a time."""
        most = 0

        def count(event: Any) -> int:
            nonlocal most
            open_now = [assoc for assoc in node.server.ae.active_associations if assoc.is_acceptor]
            most = max(most, len(open_now))
            return 0x0000

        node = Node(
            start_scp,
            Stored(dict.fromkeys(range(70), count)),
            [(uid, UNCOMPRESSED) for uid in SOP_CLASSES],
        )
        items = [(PENDING, instance(n, uid)) for n, uid in enumerate(SOP_CLASSES[:70])]
        assert Archive(start_scp, Yields(node.place, 70, *items), []).ask()[-1].completed == 70
        # One that is released may be counted until its thread has ended
        assert most <= 2
        assert max(len(proposal) for proposal in node.proposals()) == 128
        node.released(70)

    def test_only_one_association_is_allowed(self, start_scp: StartSCP) -> None:
        node = Node(start_scp, contexts=[(CT, UNCOMPRESSED), MR], maximum_associations=1)
        items = [ok(1), (PENDING, instance(2, MR))] * 3
        final = Archive(start_scp, Yields(node.place, 6, *items)).ask()[-1]
        assert final == Reply(0x0000, None, 6, 0, 0)
        assert node.log.all("REJECTED") == []
        # For the first, and then for both
        node.released(2)

    def test_role_that_is_not_agreed(self, start_scp: StartSCP) -> None:
        """Contexts that are accepted in another role are no reason to ask again and again."""

        node = Node(start_scp, contexts=[(CT, UNCOMPRESSED, False, True)])
        place = (*node.place, {"ext_neg": [build_role(CT, scu_role=True, scp_role=True)]})
        assert Archive(start_scp, Yields(place, 3, ok(1), ok(2), ok(3))).ask()[-1].failed == 3
        node.released(2)

    def test_file_of_another_syntax(self, start_scp: StartSCP) -> None:
        syntaxes = [*UNCOMPRESSED, JPEG2000]
        node = Node(start_scp, contexts=[(CT, syntaxes), ("1.2.840.10008.5.1.4.1.1.7", syntaxes)])
        path = get_testdata_file("JPEG2000.dcm", download=False)
        received: list[Any] = []
        node.server.bind(
            evt.EVT_C_STORE, lambda event: received.append(event.context.transfer_syntax) or 0
        )
        final = Archive(start_scp, Yields(node.place, 2, ok(1), (PENDING, path))).ask()[-1]
        assert final.completed == 2
        assert received == [ExplicitVRLittleEndian, JPEG2000]


class TestCancel:
    @staticmethod
    def next_or_cancel(event: Any) -> Any:
        return (CANCEL, None) if event.is_cancelled else ok(9)

    def test_before(self, start_scp: StartSCP) -> None:
        node = Node(start_scp)
        archive = Archive(start_scp, Yields(node.place, 2, self.next_or_cancel))
        with archive.peer() as peer:
            peer.send(move_rq(3), raw.message(raw.cancel_rq(3)))
            final = peer.read_message()
            node.released()
            peer.release()
        assert (final.status, final.number(0x1020)) == (CANCEL, 2)

    def test_between(self, start_scp: StartSCP) -> None:
        """It is sent while the destination stores."""

        def cancel(event: Any) -> int:
            peer.send(raw.message(raw.cancel_rq(3)))
            acceptance = archive.server.active_associations[0]
            acceptance.dul.socket.wait(True, False, raw.PATIENCE)
            return 0x0000

        node = Node(start_scp, Stored({1: cancel}))
        archive = Archive(start_scp, Yields(node.place, 3, ok(1), self.next_or_cancel))
        with archive.peer() as peer:
            peer.send(move_rq(3))
            assert peer.read_message().status == PENDING
            final = peer.read_message()
            peer.release()
        assert (final.status, final.number(0x1020), final.number(0x1021)) == (CANCEL, 2, 1)
        node.released()

    def test_after(self, start_scp: StartSCP) -> None:
        node = Node(start_scp)
        archive = Archive(start_scp, Yields(node.place, 1, ok(1), self.next_or_cancel))
        with archive.peer() as peer:
            peer.send(move_rq(3))
            assert [peer.read_message().status for _ in range(2)] == [PENDING, 0x0000]
            peer.send(raw.message(raw.cancel_rq(3)))
            peer.release()
        node.released()


class TestEnd:
    """The association with the requestor ends before the retrieval."""

    @pytest.mark.parametrize("end", ["abort", "close", "reset"])
    def test_by_the_peer(self, start_scp: StartSCP, end: str) -> None:
        def leave(event: Any) -> int:
            acceptance = archive.server.active_associations[0]
            peer.send(raw.abort()) if end == "abort" else getattr(peer, end)()
            acceptance.dul.socket.wait(True, False, raw.PATIENCE)
            return 0x0000

        node = Node(start_scp, Stored({1: leave}))
        handler = Yields(node.place, 2, ok(1), ok(2))
        archive = Archive(start_scp, handler)
        with archive.peer() as peer:
            peer.send(move_rq())
            join(archive.log.wait_for("ABORTED").assoc)
        handler.wait()
        node.log.wait_for("ABORTED")
        assert node.stored.numbers == [1]

    def test_release_by_the_peer(self, start_scp: StartSCP) -> None:
        node = Node(start_scp)
        handler = Yields(node.place, 2, ok(1), ok(2))
        archive = Archive(start_scp, handler)
        with archive.peer() as peer:
            peer.send(move_rq(), raw.release_rq())
            peer.expect(raw.RELEASE_RP)
        join(archive.log.wait_for("RELEASED").assoc)
        handler.wait()
        node.released()
        assert node.stored.numbers == []

    @pytest.mark.parametrize(("end", "name"), [("abort", "ABORTED"), ("release", "RELEASED")])
    def test_by_the_handler(self, start_scp: StartSCP, end: str, name: str) -> None:
        node = Node(start_scp)

        def leave(event: Any) -> Any:
            getattr(event.assoc, end)()
            return ok(2)

        handler = Yields(node.place, 2, ok(1), leave)
        archive = Archive(start_scp, handler)
        with association(archive.port, [MOVE]) as assoc:
            replies = [reply_of(*r) for r in assoc.send_c_move(query(), "DESTINATION", MOVE)]
        assert replies == [Reply(PENDING, 1, 1, 0, 0), Reply(None)]
        join(archive.log.wait_for(name).assoc)
        handler.wait()
        node.log.wait_for("ABORTED")

    def test_shutdown_of_the_archive(self, start_scp: StartSCP) -> None:
        node = Node(start_scp)

        def stop(event: Any) -> Any:
            for assoc in event.assoc.ae.active_associations:
                assoc.abort()
            return ok(2)

        archive = Archive(start_scp, Yields(node.place, 2, ok(1), stop))
        assert archive.ask()[-1] == Reply(None)
        node.log.wait_for("ABORTED")

    def test_log(self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "pynetdicom.service_class")
        node = Node(start_scp)
        Archive(start_scp, Yields(node.place, 2, ok(1), (status(0xC000), None))).ask()
        (line,) = (r.getMessage() for r in caplog.records if "C-MOVE of" in r.getMessage())
        assert "status 0xC000; of 2 sub-operations 1 completed, 1 failed, 0 with" in line

    def test_same_ae_title_for_all(self, start_scp: StartSCP) -> None:
        """Two retrievals at once do not get in each other's way."""
        node = Node(start_scp)
        archive = Archive(start_scp, lambda event: iter([node.place, 2, ok(1), ok(2)]))
        ae = AE("TEST_SCU")
        with (
            association(archive.port, [MOVE], ae) as one,
            association(archive.port, [MOVE], ae) as two,
        ):
            responses = [a.send_c_move(query(), "DESTINATION", MOVE) for a in (one, two)]
            finals = [reply_of(*list(r)[-1]) for r in responses]
        assert finals == [Reply(0x0000, None, 2, 0, 0)] * 2
        node.released(2)
