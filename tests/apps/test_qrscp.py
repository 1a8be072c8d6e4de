"""The archive of qrscp on the network: what it answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
)

from pynetdicom import AE, build_role, evt
from pynetdicom.apps.qrscp.archive import path_of
from pynetdicom.apps.qrscp.settings import Destination
from pynetdicom.dsutils import file_head, split_dataset
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation
from pynetdicom.sop_class import (
    CompositeInstanceRootRetrieveGet,
    Verification,
)
from tests.support.archives import (
    ONLY_FIND,
    PATIENT_FIND,
    PATIENT_GET,
    PATIENT_MOVE,
    STUDY_FIND,
    STUDY_GET,
    STUDY_MOVE,
    LiveArchive,
    identifier,
    image,
    image_uid,
    series_uid,
    store,
    study_uid,
)
from tests.support.samples import SAMPLES, instance_uid

PATIENCE = 30.0
StartArchive = Callable[..., LiveArchive]


def answers(assoc: Any, model: str, level: str, **keys: Any) -> tuple[list[Dataset], Any]:
    """Query; return the matches and the status of the final response."""
    found = list(assoc.send_c_find(identifier(level, **keys), model))
    *pending, (final, nothing) = found
    assert nothing is None
    assert {status.Status for status, _ in pending} <= {0xFF00, 0xFF01}
    return [match for _, match in pending], final


def wants(model: str, *flags: int) -> SOPClassExtendedNegotiation:
    """Return the item that asks for extended negotiation of a model."""
    item = SOPClassExtendedNegotiation()
    item.sop_class_uid = model
    item.service_class_application_information = bytes(flags)
    return item


class TestStore:
    def test_every_sample_bit_for_bit(self, start: StartArchive) -> None:
        live = start()
        kept = [
            s
            for s in SAMPLES
            if s.path.name
            in (
                "CT_small.dcm",
                "MR_small_RLE.dcm",
                "JPEG2000.dcm",
                "MR_small_bigendian.dcm",
                "image_dfl.dcm",
            )
        ]
        assert len(kept) == 5
        contexts = sorted({(str(s.sop_class), str(s.transfer_syntax)) for s in kept})
        with live.associated(*contexts) as assoc:
            for sample in kept:
                assert store(assoc, sample.path) == [(0x0000, "")]
                path = live.archive.folder / path_of(instance_uid(sample.path))
                assert path.read_bytes().endswith(sample.data_set())

    def test_refused(self, start: StartArchive) -> None:
        live = start()
        with live.associated() as assoc:
            assert store(assoc, image(StudyInstanceUID=None), image()) == [
                (0xA900, "StudyInstanceUID is missing"),
                (0x0000, ""),
            ]

    def test_no_instance(self, start: StartArchive, tmp_path: Path) -> None:
        live = start()
        path = tmp_path / "part.dcm"
        image().save_as(path, enforce_file_format=True)
        offset = split_dataset(path)[1]
        path.write_bytes(path.read_bytes()[:offset] + b"\x10\0\x10\0PN\x02\0X ")
        with live.associated() as assoc:
            assert store(assoc, path, image(2)) == [
                (0xA900, "SOPClassUID of the data set is another, or missing"),
                (0x0000, ""),
            ]

    def test_not_deflated(self, start: StartArchive, tmp_path: Path) -> None:
        live = start()
        syntax = DeflatedExplicitVRLittleEndian
        path = tmp_path / "not_deflated.dcm"
        uid = image_uid(1, 1, 1)
        path.write_bytes(file_head(CTImageStorage, uid, syntax, "1.2", None) + b"nonsense")
        with live.associated((CTImageStorage, syntax)) as assoc:
            assert store(assoc, path, image(2)) == [
                (0xC000, "The data set can't be decoded"),
                (0x0000, ""),
            ]
        assert list(live.archive.incoming.iterdir()) == []

    def test_inflates_too_far(self, start: StartArchive) -> None:
        live = start()
        live.ae.limits.inflated_length = 100
        deflated = image()
        deflated.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        with live.associated((CTImageStorage, DeflatedExplicitVRLittleEndian)) as assoc:
            assert store(assoc, deflated) == [(0xC000, "")]

    def test_sequences_without_end(self, start: StartArchive, tmp_path: Path) -> None:
        live = start()
        path = tmp_path / "deep.dcm"
        image().save_as(path, enforce_file_format=True)
        sequence = b"\x08\x00\x15\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
        offset = split_dataset(path)[1]
        path.write_bytes(path.read_bytes()[:offset] + sequence * 5000)
        with live.associated() as assoc:
            assert store(assoc, path, image(2)) == [
                (0xC000, "The data set can't be decoded"),
                (0x0000, ""),
            ]

    def test_large(self, start: StartArchive) -> None:
        """It goes to a temporary file of the archive, which is moved to its place."""
        live = start()
        large = image(PixelData=b"\1\2" * 1_000_000)
        large["PixelData"].VR = "OW"
        with live.associated() as assoc:
            assert store(assoc, large) == [(0x0000, "")]
        path = live.archive.folder / path_of(image_uid(1, 1, 1))
        assert path.read_bytes().endswith(b"\1\2" * 1_000_000)
        assert list(live.archive.incoming.iterdir()) == []

    def test_it_is_there_after_restarting(self, start: StartArchive) -> None:
        first = start(image(1), image(2))
        first.close()
        again = start()
        with again.associated(STUDY_FIND) as assoc:
            matches, _ = answers(assoc, STUDY_FIND, "STUDY", StudyInstanceUID="")
        assert {each.StudyInstanceUID for each in matches} == {study_uid(1), study_uid(2)}

    def test_many_at_once(self, start: StartArchive) -> None:
        """20 clients store while 5 query: nothing is lost, and nobody is refused."""
        live = start()
        statuses: SimpleQueue[Any] = SimpleQueue()
        stored = threading.Event()

        def client(study: int) -> None:
            with live.associated() as assoc:
                for status in store(assoc, *(image(study, 1, n) for n in range(1, 6))):
                    statuses.put(status)

        def asker() -> None:
            with live.associated(STUDY_FIND) as assoc:
                while True:
                    is_last = stored.is_set()
                    matches, final = answers(
                        assoc, STUDY_FIND, "STUDY", StudyInstanceUID="", PatientName="Doe*"
                    )
                    assert final.Status == 0x0000
                    if is_last:
                        statuses.put(len(matches))
                        return

        clients = [threading.Thread(target=client, args=(n,)) for n in range(1, 21)]
        askers = [threading.Thread(target=asker) for _ in range(5)]
        for thread in (*askers, *clients):
            thread.start()
        for thread in clients:
            thread.join(PATIENCE)
        stored.set()
        for thread in (*clients, *askers):
            thread.join(PATIENCE)
            assert not thread.is_alive()
        assert [statuses.get() for _ in range(100)] == [(0x0000, "")] * 100
        assert [statuses.get() for _ in range(5)] == [20] * 5
        uids = [image_uid(study, 1, n) for study in range(1, 21) for n in range(1, 6)]
        filed = live.archive.index.instances(uids)
        assert sorted(filed) == sorted(uids)
        assert all(live.archive.path(each).is_file() for each in filed.values())


IMAGES = [image(s, series, n) for s in (1, 2) for series in (1, 2) for n in (1, 2)]


class TestFind:
    @pytest.mark.parametrize(
        ("model", "level", "keys", "unique", "expected"),
        [
            (PATIENT_FIND, "PATIENT", {}, "PatientID", ["P1", "P2"]),
            (PATIENT_FIND, "STUDY", {"PatientID": "P1"}, "StudyInstanceUID", [study_uid(1)]),
            (
                PATIENT_FIND,
                "SERIES",
                {"PatientID": "P1", "StudyInstanceUID": study_uid(1)},
                "SeriesInstanceUID",
                [series_uid(1, 1), series_uid(1, 2)],
            ),
            (ONLY_FIND, "PATIENT", {}, "PatientID", ["P1", "P2"]),
            (ONLY_FIND, "STUDY", {"PatientID": "P2"}, "StudyInstanceUID", [study_uid(2)]),
            (STUDY_FIND, "STUDY", {}, "StudyInstanceUID", [study_uid(1), study_uid(2)]),
            (STUDY_FIND, "STUDY", {"PatientID": "P2"}, "StudyInstanceUID", [study_uid(2)]),
            (
                STUDY_FIND,
                "STUDY",
                {"StudyInstanceUID": [study_uid(2), study_uid(9)]},
                "StudyInstanceUID",
                [study_uid(2)],
            ),
            (
                STUDY_FIND,
                "SERIES",
                {"StudyInstanceUID": study_uid(2)},
                "SeriesInstanceUID",
                [series_uid(2, 1), series_uid(2, 2)],
            ),
            (
                STUDY_FIND,
                "IMAGE",
                {"StudyInstanceUID": study_uid(2), "SeriesInstanceUID": series_uid(2, 1)},
                "SOPInstanceUID",
                [image_uid(2, 1, 1), image_uid(2, 1, 2)],
            ),
            (
                STUDY_FIND,
                "IMAGE",
                {"StudyInstanceUID": study_uid(1), "SeriesInstanceUID": series_uid(2, 1)},
                "SOPInstanceUID",
                [],
            ),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_levels(
        self,
        start: StartArchive,
        model: str,
        level: str,
        keys: dict[str, Any],
        unique: str,
        expected: list[str],
    ) -> None:
        live = start(*IMAGES)
        with live.associated(model) as assoc:
            matches, final = answers(assoc, model, level, **{unique: "", **keys})
        assert final.Status == 0x0000
        assert sorted(each[unique].value for each in matches) == expected
        assert {each.QueryRetrieveLevel for each in matches} <= {level}
        assert {each.RetrieveAETitle for each in matches} <= {"QRSCP"}

    @pytest.mark.parametrize(
        ("model", "level", "keys", "comment"),
        [
            (STUDY_FIND, "PATIENT", {}, "Query/Retrieve Level PATIENT is not of this SOP class"),
            (ONLY_FIND, "SERIES", {}, "Query/Retrieve Level SERIES is not of this SOP class"),
            (STUDY_FIND, "", {}, "Query/Retrieve Level is missing"),
            (STUDY_FIND, "NONE", {}, "Query/Retrieve Level NONE is not of this SOP class"),
            (
                STUDY_FIND,
                "SERIES",
                {"SeriesInstanceUID": ""},
                "StudyInstanceUID has to be there, with a single value",
            ),
            (
                PATIENT_FIND,
                "STUDY",
                {"PatientID": "P*"},
                "PatientID has to be there, with a single value",
            ),
            (STUDY_FIND, "STUDY", {"StudyDate": "today"}, "StudyDate is not a date nor a range"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_refused(
        self, start: StartArchive, model: str, level: str, keys: dict[str, Any], comment: str
    ) -> None:
        live = start()
        with live.associated(model) as assoc:
            matches, final = answers(assoc, model, level, **keys)
        assert matches == []
        assert (final.Status, final.ErrorComment) == (0xA900, comment)

    def test_relational(self, start: StartArchive) -> None:
        live = start(*IMAGES)
        item = wants(PATIENT_FIND, 1, 1, 1, 1)
        with live.associated(PATIENT_FIND, negotiated=[item]) as assoc:
            accepted = assoc.acceptor.sop_class_extended
            assert accepted == {PATIENT_FIND: b"\1\1\0\0"}
            matches, final = answers(
                assoc, PATIENT_FIND, "IMAGE", PatientName="doe^john2", SOPInstanceUID=""
            )
        assert final.Status == 0x0000
        assert {each.SOPInstanceUID for each in matches} == {
            image_uid(2, series, n) for series in (1, 2) for n in (1, 2)
        }

    def test_every_key_comes_back(self, start: StartArchive) -> None:
        live = start(image(StudyDescription="Head"))
        asked = identifier(
            "STUDY",
            StudyInstanceUID="",
            StudyDescription="",
            InstanceAvailability="",
            Modality="",
            ReferencedStudySequence=[],
            PatientBirthDate="",
            OtherPatientIDs="",
        )
        asked.add_new(0x00091001, "LO", "")
        with live.associated(STUDY_FIND) as assoc:
            (status, match), _ = assoc.send_c_find(asked, STUDY_FIND)
        assert status.Status == 0xFF00
        assert match.StudyDescription == "Head"
        assert match.InstanceAvailability == "ONLINE"
        assert [each.tag for each in match if each.keyword != "RetrieveAETitle"] == [
            each.tag for each in asked
        ]
        for keyword in ("Modality", "PatientBirthDate", "OtherPatientIDs"):
            assert match[keyword].is_empty
        assert list(match.ReferencedStudySequence) == []

    @pytest.mark.parametrize(
        ("keys", "status"),
        [
            ({"Modality": "MR"}, 0xFF01),
            ({"OtherPatientIDs": "X"}, 0xFF01),
            ({"OtherPatientIDs": "*"}, 0xFF00),
            ({"Modality": ""}, 0xFF00),
        ],
        ids=str,
    )
    def test_keys_that_are_not_used(
        self, start: StartArchive, keys: dict[str, str], status: int
    ) -> None:
        live = start(image())
        with live.associated(STUDY_FIND) as assoc:
            found = list(assoc.send_c_find(identifier("STUDY", **keys), STUDY_FIND))
        assert [each.Status for each, _ in found] == [status, 0x0000]

    @pytest.mark.parametrize("value", ["", "1.2.3"])
    def test_sequences(self, start: StartArchive, value: str) -> None:
        live = start(image())
        item = Dataset()
        item.ReferencedSOPInstanceUID = value
        asked = identifier("STUDY", StudyInstanceUID="", ReferencedStudySequence=[item])
        with live.associated(STUDY_FIND) as assoc:
            found = list(assoc.send_c_find(asked, STUDY_FIND))
        assert [each.Status for each, _ in found] == [0xFF01 if value else 0xFF00, 0x0000]

    @pytest.mark.parametrize(
        ("name", "stored_set", "asked_set", "asked", "answered_set"),
        [
            ("Müller^Eva", "ISO_IR 100", "ISO_IR 100", "MÜLLER*", "ISO_IR 100"),
            ("Müller^Eva", "ISO_IR 100", "ISO_IR 192", "müller*", "ISO_IR 192"),
            ("Müller^Eva", "ISO_IR 192", "", "M*", "ISO_IR 192"),
            ("Иванов", "ISO_IR 144", "ISO_IR 100", "*", "ISO_IR 192"),
            ("Иванов", "ISO_IR 144", "ISO_IR 192", "иван*", "ISO_IR 192"),
            (
                "Yamada^Tarou=山田^太郎=やまだ^たろう",
                ["", "ISO 2022 IR 87"],
                ["", "ISO 2022 IR 87"],
                "=山田*",
                ["", "ISO 2022 IR 87"],
            ),
            ("Doe^John", "ISO_IR 100", "ISO_IR 100", "doe*", None),
        ],
        ids=ascii,
    )
    def test_character_sets(
        self,
        start: StartArchive,
        name: str,
        stored_set: Any,
        asked_set: Any,
        asked: str,
        answered_set: Any,
    ) -> None:
        live = start(image(SpecificCharacterSet=stored_set, PatientName=name))
        with live.associated(PATIENT_FIND) as assoc:
            matches, _ = answers(
                assoc,
                PATIENT_FIND,
                "PATIENT",
                SpecificCharacterSet=asked_set,
                PatientName=asked,
            )
        assert [str(each.PatientName) for each in matches] == [name]
        assert matches[0].get("SpecificCharacterSet") == answered_set

    def test_cancel(self, start: StartArchive, monkeypatch: pytest.MonkeyPatch) -> None:
        live = start(*IMAGES)
        rows, cancelled = live.archive.index.rows, threading.Event()

        def slow(statement: Any) -> Iterator[Any]:
            for number, row in enumerate(rows(statement)):
                assert number == 0 or cancelled.wait(PATIENCE)
                yield row

        monkeypatch.setattr(live.archive.index, "rows", slow)
        asked = identifier("STUDY", StudyInstanceUID="")
        with live.associated(STUDY_FIND) as assoc:
            statuses = []
            for status, _ in assoc.send_c_find(asked, STUDY_FIND, msg_id=5):
                statuses.append(status.Status)
                if len(statuses) == 1:
                    assoc.send_c_cancel(5, query_model=STUDY_FIND)
                    cancelled.set()
        assert statuses == [0xFF00, 0xFE00]

    def test_the_index_fails(self, start: StartArchive, caplog: pytest.LogCaptureFixture) -> None:
        live = start()
        with live.archive.index._writer.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE study RENAME TO gone")
        with live.associated(STUDY_FIND, STUDY_GET) as assoc:
            _, final = answers(assoc, STUDY_FIND, "STUDY", StudyInstanceUID="")
            assert (final.Status, final.ErrorComment) == (0xC320, "The index can't be read")
            asked = identifier("STUDY", StudyInstanceUID="1.2")
            ((status, _),) = assoc.send_c_get(asked, STUDY_GET)
            assert (status.Status, status.ErrorComment) == (0xC420, "The index can't be read")
        assert "no such table" in caplog.text or "does not exist" in caplog.text
        assert "SELECT" not in caplog.text


RETRIEVALS: list[tuple[str, str, str, dict[str, Any], list[str]]] = [
    (
        PATIENT_GET,
        PATIENT_MOVE,
        "PATIENT",
        {"PatientID": "P1"},
        [image_uid(1, series, n) for series in (1, 2) for n in (1, 2)],
    ),
    (
        STUDY_GET,
        STUDY_MOVE,
        "STUDY",
        {"StudyInstanceUID": study_uid(2)},
        [image_uid(2, series, n) for series in (1, 2) for n in (1, 2)],
    ),
    (
        STUDY_GET,
        STUDY_MOVE,
        "SERIES",
        {"StudyInstanceUID": study_uid(2), "SeriesInstanceUID": series_uid(2, 2)},
        [image_uid(2, 2, 1), image_uid(2, 2, 2)],
    ),
    (
        STUDY_GET,
        STUDY_MOVE,
        "IMAGE",
        {
            "StudyInstanceUID": study_uid(1),
            "SeriesInstanceUID": series_uid(1, 2),
            "SOPInstanceUID": [image_uid(1, 2, 2), image_uid(9, 9, 9)],
        },
        [image_uid(1, 2, 2)],
    ),
    (STUDY_GET, STUDY_MOVE, "STUDY", {"StudyInstanceUID": "1.2"}, []),
]


class TestHowMuchIsAsked:
    """What is more than anybody needs is refused, and says what the limit is."""

    NAMES = tuple(f"NAME{n}*" for n in range(250))
    UIDS = tuple(f"1.2.{n}" for n in range(9_999))

    def test_as_much_as_is_allowed(self, start: StartArchive) -> None:
        live = start(*IMAGES)
        with live.associated(STUDY_FIND, STUDY_GET) as assoc:
            names = "\\".join([*self.NAMES[1:], "Doe*"])
            found, final = answers(assoc, STUDY_FIND, "STUDY", PatientName=names)
            assert (bool(found), final.Status) == (True, 0x0000)
            uids = [*self.UIDS, study_uid(1)]
            found, final = answers(assoc, STUDY_FIND, "STUDY", StudyInstanceUID=uids)
            assert (len(found), final.Status) == (1, 0x0000)
            classes = [*self.UIDS, CTImageStorage]
            found, final = answers(assoc, STUDY_FIND, "STUDY", SOPClassesInStudy=classes)
            assert (bool(found), final.Status) == (True, 0x0000)

    @pytest.mark.parametrize(
        ("keys", "comment"),
        [
            ({"StudyInstanceUID": ["1"] * 10_001}, "StudyInstanceUID has more than 10000 values"),
            ({"PatientName": "\\".join(["A*"] * 251)}, "PatientName has more than 250 values"),
            ({"PatientID": "A" * 16_002}, "PatientID has more than 16000 bytes"),
            (
                {"StudyInstanceUID": [*UIDS], "SOPClassesInStudy": [*UIDS]},
                "All keys together have more than 10000 values",
            ),
        ],
        ids=["UIDs", "names", "bytes", "together"],
    )
    def test_refused(self, start: StartArchive, keys: dict[str, Any], comment: str) -> None:
        live = start(image())
        with live.associated(STUDY_FIND) as assoc:
            found, final = answers(assoc, STUDY_FIND, "STUDY", **keys)
        assert (found, final.Status, final.ErrorComment) == ([], 0xA900, comment)

    def test_too_many_keys(self, start: StartArchive) -> None:
        live = start(image())
        asked = identifier("STUDY", StudyInstanceUID="")
        for number in range(1000):
            asked.add_new(0x00111001 + number, "LO", "")
        with live.associated(STUDY_FIND) as assoc:
            ((final, _),) = assoc.send_c_find(asked, STUDY_FIND)
        assert final.Status == 0xA900
        assert final.ErrorComment == "The identifier has more than 1000 keys"

    def test_of_a_retrieval(self, start: StartArchive) -> None:
        live = start(*IMAGES)
        stored: list[str] = []

        def keep(event: evt.Event) -> int:
            stored.append(event.request.AffectedSOPInstanceUID)
            return 0x0000

        handlers = [(evt.EVT_C_STORE, keep)]
        with live.associated(STUDY_GET, evt_handlers=handlers) as assoc:
            asked = identifier("STUDY", StudyInstanceUID=[*self.UIDS, study_uid(1)])
            *_, (final, _) = assoc.send_c_get(asked, STUDY_GET)
            assert (final.Status, bool(stored)) == (0x0000, True)
            asked.StudyInstanceUID = ["1"] * 10_001
            *_, (final, _) = assoc.send_c_get(asked, STUDY_GET)
        assert final.Status == 0xA900
        assert final.ErrorComment == "StudyInstanceUID has more than 10000 values"


class Receiver:
    """A storage SCP that remembers what it has received."""

    def __init__(self, start_scp: Callable[..., Any]) -> None:
        self.received: list[str] = []
        contexts = [(CTImageStorage, ExplicitVRLittleEndian)]
        server = start_scp(contexts, [(evt.EVT_C_STORE, self.store)], ae_title="RECEIVER")
        self.port: int = server.server_address[1]

    def store(self, event: evt.Event) -> int:
        """Take an instance."""
        self.received.append(str(event.request.AffectedSOPInstanceUID))
        return 0x0000


@pytest.mark.parametrize(
    ("get", "move", "level", "keys", "expected"),
    RETRIEVALS,
    ids=[f"{level}-{len(expected)}" for _, _, level, _, expected in RETRIEVALS],
)
class TestRetrieve:
    def test_get(
        self,
        start: StartArchive,
        get: str,
        move: str,
        level: str,
        keys: dict[str, Any],
        expected: list[str],
    ) -> None:
        live = start(*IMAGES)
        received: list[str] = []

        def store_received(event: evt.Event) -> int:
            received.append(event.dataset.SOPInstanceUID)
            return 0x0000

        handlers = [(evt.EVT_C_STORE, store_received)]
        with live.associated(get, evt_handlers=handlers) as assoc:
            *_, (final, failed) = assoc.send_c_get(identifier(level, **keys), get)
        assert (final.Status, failed) == (0x0000, None)
        assert final.NumberOfCompletedSuboperations == len(expected)
        assert received == expected

    def test_move(
        self,
        start: StartArchive,
        start_scp: Callable[..., Any],
        get: str,
        move: str,
        level: str,
        keys: dict[str, Any],
        expected: list[str],
    ) -> None:
        receiver = Receiver(start_scp)
        live = start(*IMAGES, RECEIVER=Destination("127.0.0.1", receiver.port))
        with live.associated(move) as assoc:
            *_, (final, failed) = assoc.send_c_move(identifier(level, **keys), "RECEIVER", move)
        assert (final.Status, failed) == (0x0000, None)
        assert final.NumberOfCompletedSuboperations == len(expected)
        assert receiver.received == expected


class TestRetrieveRefused:
    @pytest.mark.parametrize(
        ("level", "keys", "comment"),
        [
            ("STUDY", {"PatientID": "P1"}, "StudyInstanceUID has to name what is wanted"),
            ("STUDY", {"StudyInstanceUID": "*"}, "StudyInstanceUID has to name what is wanted"),
            (
                "SERIES",
                {"SeriesInstanceUID": "1.2"},
                "StudyInstanceUID has to be there, with a single value",
            ),
            ("PATIENT", {}, "Query/Retrieve Level PATIENT is not of this SOP class"),
        ],
        ids=["no-key", "wildcard", "no-key-above", "no-level"],
    )
    def test_mismatch(
        self, start: StartArchive, level: str, keys: dict[str, str], comment: str
    ) -> None:
        live = start(image(), NOWHERE=Destination("127.0.0.1", 1))
        asked = identifier(level, **keys)
        with live.associated(STUDY_GET, STUDY_MOVE) as assoc:
            replies = [
                *assoc.send_c_get(asked, STUDY_GET),
                *assoc.send_c_move(asked, "NOWHERE", STUDY_MOVE),
            ]
        assert [(each.Status, each.ErrorComment) for each, _ in replies] == [(0xA900, comment)] * 2

    def test_unknown_destination(self, start: StartArchive) -> None:
        live = start(image(), KNOWN=Destination("127.0.0.1", 1))
        asked = identifier("STUDY", StudyInstanceUID=study_uid(1))
        with live.associated(STUDY_MOVE) as assoc:
            for title in ("UNKNOWN", "known"):
                ((status, _),) = assoc.send_c_move(asked, title, STUDY_MOVE)
                assert status.Status == 0xA801

    def test_relational(self, start: StartArchive) -> None:
        live = start(*IMAGES)
        handlers = [(evt.EVT_C_STORE, lambda event: 0x0000)]
        asked = identifier("SERIES", SeriesInstanceUID=series_uid(2, 1))
        with live.associated(
            STUDY_GET, negotiated=[wants(STUDY_GET, 1)], evt_handlers=handlers
        ) as assoc:
            *_, (final, _) = assoc.send_c_get(asked, STUDY_GET)
        assert (final.Status, final.NumberOfCompletedSuboperations) == (0x0000, 2)

    def test_instance_root(self, start: StartArchive) -> None:
        live = start(*IMAGES)
        model = CompositeInstanceRootRetrieveGet
        handlers = [(evt.EVT_C_STORE, lambda event: 0x0000)]
        asked = identifier("IMAGE", SOPInstanceUID=image_uid(2, 1, 1))
        with live.associated(model, evt_handlers=handlers) as assoc:
            *_, (final, _) = assoc.send_c_get(asked, model)
        assert (final.Status, final.NumberOfCompletedSuboperations) == (0x0000, 1)

    def test_a_file_that_is_gone(self, start: StartArchive) -> None:
        live = start(*IMAGES)
        (live.archive.folder / path_of(image_uid(1, 1, 2))).unlink()
        handlers = [(evt.EVT_C_STORE, lambda event: 0x0000)]
        asked = identifier("STUDY", StudyInstanceUID=study_uid(1))
        with live.associated(STUDY_GET, evt_handlers=handlers) as assoc:
            *_, (final, _) = assoc.send_c_get(asked, STUDY_GET)
        assert final.Status == 0xB000
        assert final.NumberOfCompletedSuboperations == 3
        assert final.NumberOfFailedSuboperations == 1

    def test_cancel(self, start: StartArchive) -> None:
        live = start(*(image(1, 1, n) for n in range(1, 21)))
        received: list[int] = []

        def cancel(event: evt.Event) -> int:
            if not received:
                event.assoc.send_c_cancel(9, query_model=STUDY_GET)
            received.append(1)
            return 0x0000

        asked = identifier("STUDY", StudyInstanceUID=study_uid(1))
        handlers = [(evt.EVT_C_STORE, cancel)]
        with live.associated(STUDY_GET, evt_handlers=handlers) as assoc:
            *_, (final, _) = assoc.send_c_get(asked, STUDY_GET, msg_id=9)
        assert final.Status == 0xFE00
        assert 0 < len(received) < 20
        assert final.NumberOfRemainingSuboperations == 20 - len(received)

    def test_too_many(self, start: StartArchive, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("pynetdicom.apps.qrscp.scp._MOST_INSTANCES", 3)
        live = start(*IMAGES)
        asked = identifier("STUDY", StudyInstanceUID=study_uid(1))
        with live.associated(STUDY_GET) as assoc:
            ((status, _),) = assoc.send_c_get(asked, STUDY_GET)
        assert (status.Status, status.ErrorComment) == (0xA701, "More than 3 instances")


def test_echo_and_roles(start: StartArchive) -> None:
    live = start()
    assoc = AE("TEST_SCU").associate(
        "127.0.0.1",
        live.port,
        live.ae.supported_contexts[:100],
        ext_neg=[build_role(CTImageStorage, scp_role=True)],
    )
    assert assoc.is_established
    assert assoc.rejected_contexts == []
    assoc.release()
    with live.associated(Verification) as again:
        assert again.send_c_echo().Status == 0x0000
