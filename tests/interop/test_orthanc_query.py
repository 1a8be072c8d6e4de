"""Query, retrieval, worklists and storage commitment with Orthanc, in both directions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.tag import BaseTag
from pydicom.uid import generate_uid

from pynetdicom import AE, build_role, evt
from pynetdicom.apps.demo import Sample
from tests.interop.conftest import Archive
from tests.interop.library import HISTORY, PATIENT_ROOT, STUDY_ROOT, UNIQUE, Library, keys
from tests.interop.test_dcmtk_query import ITEMS
from tests.support.associations import association, port_of
from tests.support.peers import HOST, Orthanc, orthanc
from tests.support.raw import PATIENCE
from tests.support.retrievals import reply_of, status
from tests.support.samples import expected, instance_uid, store

pytestmark = pytest.mark.interop

StartSCP = Callable[..., Any]
PATIENT = "77654033"
MEMBERS = [sample for sample in HISTORY if PATIENT in sample.path.parts]
COMMITMENT, COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """Run Orthanc; it may be asked by those that are made known to it."""
    with orthanc(tmp_path_factory.mktemp("orthanc"), {"TEST_SCU": ("TEST_SCU", 1)}) as server:
        yield server


@pytest.fixture
def archive(peer: Orthanc) -> Orthanc:
    """Let it have the instances that we store there, and no others."""
    clear(peer)
    assert store(peer.port, HISTORY) == [0x0000] * len(HISTORY)
    return peer


def clear(peer: Orthanc) -> None:
    """Remove all instances."""
    for patient in json.loads(peer.request("/patients")):
        peer.request(f"/patients/{patient}", method="DELETE")


def make_known(peer: Orthanc, title: str, port: int) -> None:
    """Tell Orthanc where an AE is."""
    modality = {"AET": title, "Host": HOST, "Port": port, "AllowStorageCommitment": True}
    peer.request(f"/modalities/{title}", modality, "PUT")


def stored_by(peer: Orthanc) -> dict[str, Dataset]:
    """Return what Orthanc has stored, by SOP Instance UID."""
    files = [peer.request(f"/instances/{instance}/file") for instance in peer.instances()]
    return {str(found.SOPInstanceUID): found for found in (dcmread(BytesIO(f)) for f in files)}


def plain(matches: Iterable[Dataset]) -> list[str]:
    """Return matches without what is added to them, in order."""
    for match in matches:
        match.pop("SpecificCharacterSet", None)
        match.pop("RetrieveAETitle", None)
    return sorted(map(str, matches))


class TestOurSCU:
    QUERIES = (
        (PATIENT_ROOT, keys("PATIENT", PatientID="", PatientName="Doe^*")),
        (STUDY_ROOT, keys("STUDY", PatientID=PATIENT, StudyInstanceUID="", StudyDate="")),
        (PATIENT_ROOT, keys("SERIES", PatientID=PATIENT, SeriesInstanceUID="", Modality="CT")),
        (STUDY_ROOT, keys("IMAGE", PatientID=PATIENT, SOPInstanceUID="", InstanceNumber="")),
        (STUDY_ROOT, keys("STUDY", PatientID="nobody", StudyInstanceUID="")),
    )

    def test_find(self, archive: Orthanc) -> None:
        library = Library(HISTORY)
        for model, query in self.QUERIES:
            with association(archive.port, [model["find"]]) as assoc:
                *pending, final = assoc.send_c_find(query, model["find"])
            assert final == (status(0x0000), None)
            assert plain([match for _, match in pending]) == plain(library.found(query))

    @pytest.mark.parametrize("model", [PATIENT_ROOT, STUDY_ROOT], ids=["patient", "study"])
    def test_get(self, archive: Orthanc, tmp_path: Path, model: dict[str, str]) -> None:
        got = Archive(tmp_path)
        classes = sorted({str(sample.sop_class) for sample in MEMBERS})
        with association(
            archive.port,
            [model["get"], *((uid, "1.2.840.10008.1.2.1") for uid in classes)],
            ext_neg=[build_role(uid, scp_role=True) for uid in classes],
            evt_handlers=got.handlers(),
        ) as assoc:
            *pending, final = assoc.send_c_get(keys("PATIENT", PatientID=PATIENT), model["get"])
        assert reply_of(*final)[:3] == (0x0000, None, len(MEMBERS))
        assert [found.Status for found, _ in pending] == [0xFF00] * len(MEMBERS)
        assert got.take() == expected(MEMBERS)

    def test_move(
        self, archive: Orthanc, start_archive: Callable[..., Archive], tmp_path: Path
    ) -> None:
        target = start_archive()
        make_known(archive, "TARGET", target.port)
        model = PATIENT_ROOT["move"]
        with association(archive.port, [model]) as assoc:
            query = keys("PATIENT", PatientID=PATIENT)
            *pending, final = assoc.send_c_move(query, "TARGET", model)
        assert reply_of(*final)[:3] == (0x0000, None, len(MEMBERS))
        assert {found.Status for found, _ in pending} <= {0xFF00}
        arrived = [dcmread(path) for path in target.folder.iterdir()]
        stored = stored_by(archive)
        assert {str(data.SOPInstanceUID): data for data in arrived} == {
            uid: stored[uid] for uid in expected(MEMBERS)
        }

    def test_move_to_nowhere(self, archive: Orthanc) -> None:
        model = PATIENT_ROOT["move"]
        with association(archive.port, [model]) as assoc:
            query = keys("PATIENT", PatientID=PATIENT)
            ((found, _),) = assoc.send_c_move(query, "NOWHERE", model)
        assert found.Status == 0xC000

    def test_storage_commitment(self, start_scp: StartSCP, archive: Orthanc) -> None:
        # Orthanc reports on an association that it requests
        reports: SimpleQueue[tuple[int, Dataset]] = SimpleQueue()

        def handle_report(event: evt.Event) -> tuple[int, None]:
            reports.put((event.event_type, event.event_information))
            return 0x0000, None

        server = start_scp(
            [(COMMITMENT, None, True, True)], [(evt.EVT_N_EVENT_REPORT, handle_report)]
        )
        make_known(archive, "TEST_SCU", port_of(server))
        wanted = [(sample.sop_class, uid) for uid, sample in by_uid(MEMBERS).items()]
        for missing in ([], [(MEMBERS[0].sop_class, "1.2.3.4.5")]):
            request = references([*wanted, *missing])
            with association(archive.port, [COMMITMENT]) as assoc:
                found, reply = assoc.send_n_action(request, 1, COMMITMENT, COMMITMENT_INSTANCE)
            assert (found.Status, reply) == (0x0000, Dataset())
            event_type, report = reports.get(timeout=PATIENCE)
            assert event_type == (2 if missing else 1)
            assert report.TransactionUID == request.TransactionUID
            assert pairs(report.ReferencedSOPSequence) == sorted(wanted)
            assert pairs(report.get("FailedSOPSequence", [])) == missing


def by_uid(samples: Iterable[Sample]) -> dict[str, Sample]:
    """Return samples by SOP Instance UID."""
    return {instance_uid(sample.path): sample for sample in samples}


def references(pairs_of_uids: Iterable[tuple[str, str]]) -> Dataset:
    """Return the information of a request for storage commitment."""
    request = Dataset()
    request.TransactionUID = generate_uid()
    request.ReferencedSOPSequence = []
    for sop_class, uid in pairs_of_uids:
        item = Dataset()
        item.ReferencedSOPClassUID = sop_class
        item.ReferencedSOPInstanceUID = uid
        request.ReferencedSOPSequence.append(item)
    return request


def pairs(items: Iterable[Dataset]) -> list[tuple[str, str]]:
    """Return SOP Class and Instance UIDs that are referred to, in order."""
    return sorted((item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID) for item in items)


def content(data_sets: dict[str, Dataset]) -> dict[str, dict[BaseTag, Any]]:
    """Return the values of data sets, without the lengths of groups."""
    return {
        uid: {element.tag: element.value for element in data if element.tag.element}
        for uid, data in data_sets.items()
    }


class TestOurSCP:
    """Asked by Orthanc, which is told so by its REST interface."""

    def start(self, start_scp: StartSCP, peer: Orthanc, **settings: Any) -> Library:
        """Start a library of ours that Orthanc knows as TEST_SCP, and which knows Orthanc."""
        library = Library(HISTORY, destinations={"ORTHANC": peer.port}, **settings)
        server = start_scp(library.contexts(), library.handlers())
        make_known(peer, "TEST_SCP", port_of(server))
        return library

    def query(self, peer: Orthanc, level: str, **query: str) -> tuple[str, list[Any]]:
        """Let Orthanc query; return the path of the query and the matches."""
        asked = {"Level": level, "Query": query}
        path = json.loads(peer.request("/modalities/TEST_SCP/query", asked))["Path"]
        answers = json.loads(peer.request(f"{path}/answers?expand&simplify"))
        return path, answers

    def test_echo(self, start_scp: StartSCP, peer: Orthanc) -> None:
        server = start_scp()
        make_known(peer, "TEST_SCP", port_of(server))
        assert json.loads(peer.request("/modalities/TEST_SCP/echo", {})) == {}

    @pytest.mark.parametrize("level", ["Patient", "Study", "Series", "Instance"])
    def test_find(self, start_scp: StartSCP, peer: Orthanc, level: str) -> None:
        library = self.start(start_scp, peer)
        _, answers = self.query(peer, level, PatientID=PATIENT, PatientName="")
        # It asks for the unique keys of the levels above, and for some more
        levels = ["PATIENT", "STUDY", "SERIES", "IMAGE"]
        name = "IMAGE" if level == "Instance" else level.upper()
        unique = {UNIQUE[above]: "" for above in levels[1 : levels.index(name) + 1]}
        query = keys(name, PatientID=PATIENT, PatientName="", **unique)
        wanted = [
            {element.keyword: str(element.value) for element in match}
            for match in library.found(query)
        ]
        assert len(wanted) == {"PATIENT": 1, "STUDY": 2, "SERIES": 4, "IMAGE": 7}[name]
        assert [{keyword: match[keyword] for keyword in wanted[0]} for match in answers] == wanted

    def test_find_and_retrieve(self, start_scp: StartSCP, peer: Orthanc) -> None:
        self.start(start_scp, peer)
        clear(peer)
        path, answers = self.query(peer, "Study", PatientID=PATIENT)
        assert len(answers) == 2
        peer.request(f"{path}/retrieve", {"TargetAet": "ORTHANC", "Synchronous": True})
        stored = stored_by(peer)
        wanted = {uid: dcmread(sample.path) for uid, sample in by_uid(MEMBERS).items()}
        assert content(stored) == content(wanted)

    def test_worklist(self, start_scp: StartSCP, peer: Orthanc) -> None:
        self.start(start_scp, peer, worklist=ITEMS)
        query = {"PatientID": "", "ScheduledProcedureStepSequence": [{"Modality": "MR"}]}
        answers = json.loads(peer.request("/modalities/TEST_SCP/find-worklist", query))
        wanted = {"ScheduledProcedureStepSequence": [{"Modality": "MR"}]}
        wanted["SpecificCharacterSet"] = "ISO_IR 100"
        assert answers == [{**wanted, "PatientID": number} for number in ("P1", "P3")]

    def test_storage_commitment(self, start_scp: StartSCP, peer: Orthanc) -> None:
        requests: SimpleQueue[Any] = SimpleQueue()

        def handle_action(event: evt.Event) -> tuple[int, None]:
            requests.put((event.action_type, event.action_information))
            return 0x0000, None

        server = start_scp([COMMITMENT], [(evt.EVT_N_ACTION, handle_action)])
        make_known(peer, "TEST_SCP", port_of(server))
        wanted = [[str(sample.sop_class), uid] for uid, sample in by_uid(MEMBERS).items()]
        asked = {"DicomInstances": wanted}
        answer = json.loads(peer.request("/modalities/TEST_SCP/storage-commitment", asked))
        action_type, information = requests.get(timeout=PATIENCE)
        assert action_type == 1
        assert pairs(information.ReferencedSOPSequence) == sorted(map(tuple, wanted))
        with association(
            peer.port,
            [COMMITMENT],
            AE("TEST_SCP"),
            ae_title="ORTHANC",
            ext_neg=[build_role(COMMITMENT, scp_role=True)],
        ) as assoc:
            found, reply = assoc.send_n_event_report(
                information, 1, COMMITMENT, COMMITMENT_INSTANCE
            )
        assert (found.Status, reply) == (0x0000, Dataset())
        report = json.loads(peer.request(answer["Path"]))
        assert report["Status"] == "Success"
