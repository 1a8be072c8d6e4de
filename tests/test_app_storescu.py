"""storescu: what it finds, what it proposes, and how it sends."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pydicom.data
import pytest
from pydicom import Dataset, config, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    MediaStorageDirectoryStorage,
)

from pynetdicom import Association, evt
from pynetdicom._globals import MAXIMUM_CONTEXTS
from pynetdicom.apps.common.exits import Exit
from pynetdicom.apps.storescu.inputs import Instance, find, plan
from pynetdicom.sop_class import CTImageStorage, MRImageStorage, Verification
from tests.support.apps import call_app, run_app
from tests.support.peers import HOST, reserve_port
from tests.support.samples import CT, SAMPLES, contexts, expected, instance_uid, take

StartSCP = Callable[..., Any]
Capture = pytest.CaptureFixture[str]
PATIENCE = 10.0
FILES = Path(pydicom.data.__file__).parent / "test_files"


class Archive:
    """An SCP that keeps what it gets by message, and answers what it is told to."""

    def __init__(self, start_scp: StartSCP, folder: Path, **settings: Any) -> None:
        self.folder = folder
        folder.mkdir()
        self.answers: list[int] = []
        self.associations: list[str] = []
        self.proposed: list[list[tuple[str, list[str]]]] = []
        self._lock = threading.Lock()
        handlers = [(evt.EVT_C_STORE, self._store), (evt.EVT_ESTABLISHED, self._established)]
        handlers += settings.pop("handlers", [])
        served = settings.pop("contexts", contexts(SAMPLES))
        server = start_scp(served, handlers, **settings)
        self.where = (HOST, server.server_address[1])

    def _store(self, event: evt.Event) -> int:
        with self._lock:
            status = self.answers.pop(0) if self.answers else 0x0000
            if status == 0x0000:
                event.save_as(self.folder / f"{event.request.AffectedSOPInstanceUID}.dcm")
        return status

    def _established(self, event: evt.Event) -> None:
        with self._lock:
            self.associations.append(event.assoc.name)
            wanted = event.assoc.requestor.primitive.presentation_context_definition_list
            self.proposed.append(
                [(str(c.abstract_syntax), list(c.transfer_syntax)) for c in wanted]
            )

    def names(self) -> list[str]:
        """Return the SOP Instance UIDs of what has been kept."""
        return sorted(path.name.removesuffix(".dcm") for path in self.folder.iterdir())


@pytest.fixture
def archive(start_scp: StartSCP, tmp_path: Path) -> Archive:
    return Archive(start_scp, tmp_path / "archive")


def copies(folder: Path, number: int, classes: Sequence[str] = (CTImageStorage,)) -> list[Path]:
    """Write small instances and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index in range(1, number + 1):
        data = Dataset()
        data.SOPClassUID = classes[index % len(classes)]
        data.SOPInstanceUID = f"1.2.3.{index}"
        data.PatientID = "1"
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        paths.append(folder / f"{index:04}.dcm")
        dcmwrite(paths[-1], data, enforce_file_format=True)
    return paths


def write_dicomdir(folder: Path, *file_ids: list[str] | None) -> Path:
    """Write a DICOMDIR with a record for each file, None for one without a file."""
    folder.mkdir(exist_ok=True)
    data = Dataset()
    data.DirectoryRecordSequence = [Dataset() for _ in file_ids]
    for record, file_id in zip(data.DirectoryRecordSequence, file_ids, strict=True):
        record.DirectoryRecordType = "IMAGE"
        if file_id:
            with config.disable_value_validation():
                record.ReferencedFileID = file_id
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    data.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path = folder / "DICOMDIR"
    dcmwrite(path, data, enforce_file_format=True)
    return path


class TestFind:
    def test_folders_and_patterns(self, tmp_path: Path) -> None:
        a, b = copies(tmp_path / "top" / "deep", 2)
        (c,) = copies(tmp_path / "top", 1)
        (tmp_path / "top" / "notes.txt").write_text("no DICOM")
        top = str(tmp_path / "top")
        assert [i.path for i in find([top], False).instances] == [str(c)]
        assert [p.path for p in find([top], False).ignored] == [f"{top}/notes.txt"]
        assert len(find([top], True).instances) == 3
        assert [i.path for i in find([f"{top}/deep/*1.dcm"], False).instances] == [str(a)]
        assert len(find([f"{top}/**/*.dcm"], False).instances) == 3
        found = find([str(b), str(b), top, f"{top}/deep"], False)
        assert [i.path for i in found.instances] == [str(b), str(c), str(a)]

    def test_problems(self, tmp_path: Path) -> None:
        text = tmp_path / "notes.txt"
        text.write_text("no DICOM")
        found = find([str(text), str(tmp_path / "none"), f"{tmp_path}/*.dcm"], False)
        assert [problem.reason for problem in found.problems] == [
            "not a DICOM file",
            "No such file or directory",
            "No such file or directory",
        ]

    def test_dicomdir(self, tmp_path: Path) -> None:
        medium = tmp_path / "medium"
        copies(medium / "IMAGES", 2, [CTImageStorage, MRImageStorage])
        directory = write_dicomdir(medium, ["IMAGES", "0001.DCM"], ["images", "0002.dcm"], None)
        (medium / "images").symlink_to(medium / "IMAGES")
        found = find([str(directory)], False)
        assert {i.sop_class for i in found.instances} == {CTImageStorage, MRImageStorage}
        assert not found.problems
        # In a folder, where the files are found anyhow
        found = find([str(medium / "IMAGES"), str(medium)], False)
        assert [Path(i.path).name for i in found.instances[:2]] == ["0001.dcm", "0002.dcm"]

    def test_dicomdir_with_a_file_missing(self, tmp_path: Path) -> None:
        directory = write_dicomdir(tmp_path / "medium", ["GONE"])
        (problem,) = find([str(directory)], False).problems
        assert problem.path.endswith("GONE")

    @pytest.mark.parametrize(
        "file_id", [["..", "0001.dcm"], ["/0001.dcm"], ["../0001.dcm"], ["c:", "x"]], ids=str
    )
    def test_dicomdir_that_leads_elsewhere(self, file_id: list[str], tmp_path: Path) -> None:
        copies(tmp_path, 1)
        directory = write_dicomdir(tmp_path / "medium", file_id)
        found = find([str(directory)], False)
        assert (found.instances, found.problems) == ([], [])

    def test_meta_information_without_uids(self, tmp_path: Path) -> None:
        (path,) = copies(tmp_path, 1)
        data = pydicom.dcmread(path)
        del data.file_meta.MediaStorageSOPInstanceUID
        data.save_as(path, enforce_file_format=False)
        (instance,) = find([str(path)], False).instances
        assert instance.sop_instance == "1.2.3.1"
        del data.SOPInstanceUID
        data.save_as(path, enforce_file_format=False)
        (problem,) = find([str(path)], False).problems
        assert problem.reason == "it has no SOPInstanceUID"


def instance(sop_class: str, syntax: str = ExplicitVRLittleEndian) -> Instance:
    return Instance("x", UID(sop_class), UID("1.2.3"), UID(syntax))


class TestPlan:
    def test_own_syntax_and_what_it_can_become(self) -> None:
        (batch,) = plan([instance(CTImageStorage)], None, False)
        first, second = batch.contexts
        assert first.transfer_syntax == [ExplicitVRLittleEndian]
        assert ImplicitVRLittleEndian in second.transfer_syntax
        assert ExplicitVRLittleEndian not in second.transfer_syntax

    def test_compressed_becomes_nothing_else(self) -> None:
        (batch,) = plan([instance(CTImageStorage, JPEG2000Lossless)], None, False)
        assert [c.transfer_syntax for c in batch.contexts] == [[JPEG2000Lossless]]

    def test_exact(self) -> None:
        (batch,) = plan([instance(CTImageStorage)], None, True)
        assert [c.transfer_syntax for c in batch.contexts] == [[ExplicitVRLittleEndian]]

    def test_one_syntax_for_all(self) -> None:
        (batch,) = plan(
            [instance(CTImageStorage, JPEG2000Lossless)], [ImplicitVRLittleEndian], False
        )
        assert [c.transfer_syntax for c in batch.contexts] == [[ImplicitVRLittleEndian]]

    @pytest.mark.parametrize("classes", [1, 64, 65, 128, 129, 300])
    @pytest.mark.parametrize("exact", [True, False])
    def test_no_more_contexts_than_there_can_be(self, classes: int, exact: bool) -> None:
        wanted = [instance(f"1.2.{number}") for number in range(classes)]
        batches = plan(wanted, None, exact)
        assert len(batches) == -(-classes * (1 if exact else 2) // MAXIMUM_CONTEXTS)
        assert [i for batch in batches for i in batch.instances] == wanted
        for batch in batches:
            proposed = {context.abstract_syntax for context in batch.contexts}
            assert len(batch.contexts) <= MAXIMUM_CONTEXTS
            assert {i.sop_class for i in batch.instances} == proposed

    def test_more_syntaxes_of_a_class_than_contexts(self) -> None:
        wanted = [instance(CTImageStorage, f"1.2.{number}") for number in range(200)]
        batches = plan(wanted, None, False)
        assert [len(batch.instances) for batch in batches] == [127, 73]


class TestSend:
    def test_every_sample_bit_for_bit(self, archive: Archive, capsys: Capture) -> None:
        samples = {instance_uid(sample.path): sample for sample in SAMPLES}
        paths = [sample.path for sample in samples.values()]
        done = call_app(capsys, "storescu", *archive.where, *paths)
        assert (done.code, done.out, done.err) == (Exit.SUCCESS, "", "")
        assert take(archive.folder) == expected(samples.values())
        assert len(archive.associations) == 1

    def test_jobs(self, archive: Archive, tmp_path: Path, capsys: Capture) -> None:
        copies(tmp_path / "in", 40)
        done = call_app(capsys, "storescu", *archive.where, tmp_path / "in", "--jobs", 4)
        assert done.code == Exit.SUCCESS
        assert len(archive.names()) == 40
        assert 1 <= len(archive.associations) <= 4

    def test_more_than_128_contexts(
        self, start_scp: StartSCP, tmp_path: Path, capsys: Capture
    ) -> None:
        classes = [f"1.2.3.4.{number}" for number in range(70)]
        served = [(uid, [ExplicitVRLittleEndian]) for uid in classes]
        archive = Archive(start_scp, tmp_path / "archive", contexts=served)
        copies(tmp_path / "in", 70, classes)
        done = call_app(capsys, "storescu", *archive.where, tmp_path / "in", "--json")
        # The SCP serves none of these private classes, but it took the contexts
        assert [len(contexts) for contexts in archive.proposed] == [128, 12]
        assert done.code != Exit.SUCCESS

    def test_stdin(self, archive: Archive, tmp_path: Path) -> None:
        names = "\n".join(map(str, copies(tmp_path / "in", 3)))
        done = run_app("storescu", *archive.where, "-", stdin=names)
        assert done.code == Exit.SUCCESS, done.err
        assert len(archive.names()) == 3

    def test_converted_if_need_be(
        self, start_scp: StartSCP, tmp_path: Path, capsys: Capture
    ) -> None:
        served = [(CTImageStorage, [ImplicitVRLittleEndian])]
        archive = Archive(start_scp, tmp_path / "archive", contexts=served)
        done = call_app(capsys, "storescu", *archive.where, CT.path)
        assert done.code == Exit.SUCCESS, done.err
        (received,) = archive.folder.iterdir()
        assert pydicom.dcmread(received) == pydicom.dcmread(CT.path)
        done = call_app(capsys, "storescu", *archive.where, CT.path, "-cx")
        assert done.code == Exit.NO_CONTEXT

    @pytest.mark.parametrize(
        ("option", "syntax"),
        [
            ("-xe", "1.2.840.10008.1.2.1"),
            ("-xi", "1.2.840.10008.1.2"),
            ("-xb", "1.2.840.10008.1.2.2"),
        ],
    )
    def test_one_syntax(self, option: str, syntax: str, archive: Archive, capsys: Capture) -> None:
        call_app(capsys, "storescu", *archive.where, CT.path, option)
        for proposed in archive.proposed:
            assert proposed == [(CTImageStorage, [syntax])]

    def test_nothing_found(self, tmp_path: Path, capsys: Capture) -> None:
        done = call_app(capsys, "storescu", HOST, 104, tmp_path)
        assert done.code == Exit.LOCAL
        assert "no DICOM files were found" in done.err

    def test_missing_file_is_a_failure(
        self, archive: Archive, tmp_path: Path, capsys: Capture
    ) -> None:
        done = call_app(capsys, "storescu", *archive.where, CT.path, tmp_path / "none", "--json")
        assert done.code == Exit.SOME_FAILED
        assert sorted(record["result"] for record in done.of("instance")) == ["failed", "stored"]
        assert done.of("summary") == [{"event": "summary", "stored": 1, "of": 2}]
        done = call_app(capsys, "storescu", *archive.where, tmp_path / "none")
        assert done.code == Exit.LOCAL
        assert "No such file" in done.err


class TestFailures:
    def test_report_and_resume(self, archive: Archive, tmp_path: Path, capsys: Capture) -> None:
        copies(tmp_path / "in", 4)
        report = tmp_path / "report.jsonl"
        archive.answers = [0x0000, 0xC001, 0x0000, 0xA700]
        where = ["storescu", *archive.where, tmp_path / "in"]
        done = call_app(capsys, *where, "--report", report)
        assert done.code == Exit.SOME_FAILED
        lines = [json.loads(line) for line in report.read_text().splitlines()]
        assert [line["status"] for line in lines] == ["0x0000", "0xC001", "0x0000", "0xA700"]
        assert [line["result"] for line in lines] == ["stored", "failed"] * 2
        assert lines[0]["sop_instance_uid"] == "1.2.3.1"

        done = call_app(capsys, *where, "--report", report, "--resume", report, "--json")
        assert done.code == Exit.SUCCESS
        assert [r["sop_instance_uid"] for r in done.of("instance")] == ["1.2.3.2", "1.2.3.4"]
        assert len(report.read_text().splitlines()) == 6
        # Nothing is left, so that nobody needs to be there
        assert call_app(capsys, *where, "--resume", report).code == Exit.SUCCESS

    @pytest.mark.parametrize("text", ["{", "{}", "[]", '"x"'])
    def test_no_report(self, text: str, tmp_path: Path, capsys: Capture) -> None:
        path = tmp_path / "report"
        path.write_text(text + "\n")
        done = call_app(capsys, "storescu", HOST, 104, CT.path, "--resume", path)
        assert done.code == Exit.USAGE
        done = call_app(capsys, "storescu", HOST, 104, CT.path, "--resume", tmp_path / "none")
        assert done.code == Exit.USAGE

    def test_warning_is_success(self, archive: Archive, capsys: Capture) -> None:
        archive.answers = [0xB000]
        done = call_app(capsys, "storescu", *archive.where, CT.path, "--json")
        assert done.code == Exit.SUCCESS
        assert done.of("instance")[0]["status"] == "0xB000"

    def test_retry_of_a_status(self, archive: Archive, capsys: Capture) -> None:
        archive.answers = [0xA700, 0xA7FF]
        options = ["--retry-delay", "0.01", "--json"]
        done = call_app(capsys, "storescu", *archive.where, CT.path, "--retry", 2, *options)
        assert done.code == Exit.SUCCESS
        assert done.of("instance")[0]["attempts"] == 3
        archive.answers = [0xA700, 0xA700]
        done = call_app(capsys, "storescu", *archive.where, CT.path, "--retry", 1, *options)
        assert done.code == Exit.ALL_FAILED
        archive.answers = [0xA900]
        done = call_app(capsys, "storescu", *archive.where, CT.path, "--retry", 9, *options)
        assert done.of("instance")[0]["attempts"] == 1

    @pytest.mark.parametrize(("wanted", "offered", "agreed"), [(8, 3, 3), (2, 0, 2), (1, 9, 1)])
    def test_window(
        self,
        wanted: int,
        offered: int,
        agreed: int,
        start_scp: StartSCP,
        tmp_path: Path,
        capsys: Capture,
    ) -> None:
        """As many requests are under way as were agreed upon, no more, and all are answered."""
        copies(tmp_path / "in", 6)
        together = threading.Barrier(agreed)
        lock, under_way, most = threading.Lock(), 0, []

        def store(event: evt.Event) -> int:
            nonlocal under_way
            with lock:
                under_way += 1
                most.append(under_way)
            together.wait(PATIENCE)
            with lock:
                under_way -= 1
            return 0x0000

        handlers = [(evt.EVT_C_STORE, store), (evt.EVT_ASYNC_OPS, lambda event: (offered, 1))]
        archive = Archive(start_scp, tmp_path / "a", handlers=handlers, concurrent_operations=6)
        options = ["--window", wanted, "--json"]
        done = call_app(capsys, "storescu", *archive.where, tmp_path / "in", *options)
        assert done.code == Exit.SUCCESS
        assert [record["result"] for record in done.of("instance")] == ["stored"] * 6
        paths = [record["file"] for record in done.of("instance")]
        assert paths == sorted(paths)
        assert max(most) == agreed

    def test_no_window_is_proposed_by_default(
        self, start_scp: StartSCP, tmp_path: Path, capsys: Capture
    ) -> None:
        """Some peers drop the connection of who does."""
        asked = []

        def agree(event: evt.Event) -> tuple[int, int]:
            asked.append(event)
            return 9, 1

        archive = Archive(start_scp, tmp_path / "a", handlers=[(evt.EVT_ASYNC_OPS, agree)])
        assert call_app(capsys, "storescu", *archive.where, CT.path).code == Exit.SUCCESS
        assert asked == []

    @pytest.mark.parametrize(("result", "attempts"), [(2, 3), (1, 1)])
    def test_retry_of_a_rejection(
        self, result: int, attempts: int, start_scp: StartSCP, tmp_path: Path, capsys: Capture
    ) -> None:
        asked = []

        def reject(event: evt.Event) -> None:
            asked.append(event)
            if len(asked) < 3:
                event.assoc.acse.send_reject(result, 1, 1)

        archive = Archive(start_scp, tmp_path / "archive", handlers=[(evt.EVT_REQUESTED, reject)])
        options = ["--retry", 5, "--retry-delay", "0.01"]
        done = call_app(capsys, "storescu", *archive.where, CT.path, *options)
        assert len(asked) == attempts
        assert done.code == (Exit.SUCCESS if result == 2 else Exit.REJECTED)

    def test_goes_on_after_an_abort(
        self, start_scp: StartSCP, tmp_path: Path, capsys: Capture
    ) -> None:
        copies(tmp_path / "in", 4)
        count = iter(range(100))

        def store(event: evt.Event) -> int:
            if next(count) == 1:
                event.assoc.abort()
            return 0x0000

        archive = Archive(start_scp, tmp_path / "a", handlers=[(evt.EVT_C_STORE, store)])
        done = call_app(capsys, "storescu", *archive.where, tmp_path / "in", "--json")
        assert done.code == Exit.SOME_FAILED
        results = [record["result"] for record in done.of("instance")]
        assert results == ["stored", "failed", "stored", "stored"]
        assert len(archive.associations) == 2

    def test_what_was_sent_ahead_of_an_abort_is_sent_again(
        self, start_scp: StartSCP, tmp_path: Path, capsys: Capture
    ) -> None:
        copies(tmp_path / "in", 4)
        come, is_answered, is_over = threading.Barrier(3), threading.Event(), threading.Event()

        def store(event: evt.Event) -> int:
            number = int(event.request.AffectedSOPInstanceUID[-1])
            if number <= 3 and not is_over.is_set():
                come.wait(PATIENCE)
            if number == 2:
                assert is_answered.wait(PATIENCE)  # the first one
                event.assoc.abort()
                is_over.set()
            elif number == 3:
                assert is_over.wait(PATIENCE)
            return 0x0000

        handlers = [
            (evt.EVT_C_STORE, store),
            (evt.EVT_DIMSE_SENT, lambda event: is_answered.set()),
        ]
        archive = Archive(start_scp, tmp_path / "a", handlers=handlers, concurrent_operations=3)
        done = call_app(
            capsys, "storescu", *archive.where, tmp_path / "in", "--json", "--window", 8
        )
        assert done.code == Exit.SOME_FAILED
        results = [record["result"] for record in done.of("instance")]
        assert results == ["stored", "failed", "stored", "stored"]
        assert len(archive.associations) == 2

    @pytest.mark.parametrize("window", [1, 8])
    def test_goes_on_after_a_file_that_has_changed(
        self, window: int, start_scp: StartSCP, tmp_path: Path, capsys: Capture
    ) -> None:
        def change(event: evt.Event) -> None:
            (tmp_path / "in" / files[0]).write_bytes(b"no DICOM file")
            (tmp_path / "in" / files[2]).unlink()

        copies(tmp_path / "in", 4)
        files = sorted(path.name for path in (tmp_path / "in").iterdir())
        handlers = [(evt.EVT_REQUESTED, change), (evt.EVT_ASYNC_OPS, lambda event: (8, 1))]
        archive = Archive(start_scp, tmp_path / "a", handlers=handlers)
        done = call_app(
            capsys, "storescu", *archive.where, tmp_path / "in", "--json", "--window", window
        )
        assert done.code == Exit.SOME_FAILED
        results = [record["result"] for record in done.of("instance")]
        assert results == ["failed", "stored", "failed", "stored"]
        assert "Not a file in the DICOM File Format" in done.of("instance")[0]["reason"]
        assert len(archive.associations) == 1

    @pytest.mark.parametrize("error", [MemoryError("no more"), TypeError("odd")])
    def test_goes_on_after_an_unexpected_error(
        self,
        error: Exception,
        start_scp: StartSCP,
        tmp_path: Path,
        capsys: Capture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        begin = Association._begin_c_store

        def fail_once(self: Association, dataset: Any, msg_id: int) -> Any:
            if msg_id == 2:
                raise error
            return begin(self, dataset, msg_id)

        monkeypatch.setattr(Association, "_begin_c_store", fail_once)
        copies(tmp_path / "in", 3)
        archive = Archive(start_scp, tmp_path / "a")
        done = call_app(capsys, "storescu", *archive.where, tmp_path / "in", "--json")
        assert done.code == Exit.SOME_FAILED
        results = [record["result"] for record in done.of("instance")]
        assert results == ["stored", "failed", "stored"]
        assert repr(error) in done.of("instance")[1]["reason"]

    @pytest.mark.parametrize("jobs", [1, 2])
    def test_gives_up_when_every_association_is_aborted(
        self, jobs: int, start_scp: StartSCP, tmp_path: Path, capsys: Capture
    ) -> None:
        copies(tmp_path / "in", 20)
        handlers = [(evt.EVT_C_STORE, lambda event: event.assoc.abort())]
        archive = Archive(start_scp, tmp_path / "a", handlers=handlers)
        where = ["storescu", *archive.where, tmp_path / "in", "--jobs", jobs]
        done = call_app(capsys, *where, "--json")
        assert done.code == Exit.ABORTED
        assert len(done.of("instance")) == 20
        assert len(archive.associations) == jobs

    def test_peer_is_gone(self, tmp_path: Path, capsys: Capture) -> None:
        copies(tmp_path / "in", 3)
        with reserve_port() as port:
            done = call_app(capsys, "storescu", HOST, port, tmp_path / "in", "--json")
        assert done.code == Exit.NO_CONNECTION
        assert [record["result"] for record in done.of("instance")] == ["failed"] * 3
        assert done.err.count("no connection") == 1

    def test_no_context_for_some(
        self, start_scp: StartSCP, tmp_path: Path, capsys: Capture
    ) -> None:
        served = [(CTImageStorage, [ExplicitVRLittleEndian]), Verification]
        archive = Archive(start_scp, tmp_path / "archive", contexts=served)
        mr = tmp_path / "mr.dcm"
        shutil.copy(FILES / "MR_small.dcm", mr)
        done = call_app(capsys, "storescu", *archive.where, CT.path, mr)
        assert done.code == Exit.SOME_FAILED
        assert str(mr) in done.err
