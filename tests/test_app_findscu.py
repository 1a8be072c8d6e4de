"""findscu, and the query keys that it shares with the applications that retrieve."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
import threading
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian

from pynetdicom import evt
from pynetdicom.apps.common.exits import AppError, Exit
from pynetdicom.apps.common.keys import (
    identifier_of,
    key_text,
    locations,
    set_key,
    to_json_model,
    value_text,
)
from pynetdicom.apps.common.querying import MODELS, complete
from pynetdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelFind,
    UnifiedProcedureStepWatch,
)
from tests.interop.library import HISTORY, STUDY_ROOT, WORKLIST, Library
from tests.support.apps import Ended, call_app, command, environment
from tests.support.sockets import HOST, PATIENCE

StartSCP = Callable[..., Any]
Capture = pytest.CaptureFixture[str]
Find = Callable[..., Ended]

PATIENTS = ["77654033", "98890234"]


def keys(*texts: str) -> Dataset:
    """Return the identifier that keys make."""
    identifier = Dataset()
    for text in texts:
        set_key(identifier, text)
    return identifier


def options(*texts: str, file: object = None, query_json: object = None) -> Namespace:
    """Return what the options of keys are parsed to."""
    return Namespace(
        keyword=list(texts) or None,
        file=file and str(file),
        query_json=query_json and str(query_json),
    )


def lines(data_set: Dataset) -> list[str]:
    """Return a data set as findscu shows it."""
    return [f"{key_text(where)}={value_text(data_set, where)}" for where in locations(data_set)]


class TestKeys:
    @pytest.mark.parametrize(
        "text",
        [
            "PatientName=Doe^J*",
            "PatientID=",
            "StudyDate=20200101-20201231",
            "ModalitiesInStudy=CT\\MR",
            "StudyInstanceUID=1.2\\1.3",
            "SeriesNumber=1\\2",
            "Rows=512",
            "PixelAspectRatio=1\\1",
            "FrameIncrementPointer=(0018,1063)",
            "PixelData=00ff",
            "StudyComments=a\\b",
            "ScheduledProcedureStepSequence[0].Modality=CT",
            "ScheduledProcedureStepSequence[1].ScheduledProtocolCodeSequence[0].CodeValue=X",
            "ScheduledProcedureStepSequence=",
            "0009,0010=OWNER",
        ],
    )
    def test_set_and_shown_the_same(self, text: str) -> None:
        assert text in lines(keys(text))

    @pytest.mark.parametrize(
        ("text", "same"),
        [
            ("PatientID", "PatientID="),
            ("0010,0020=1", "PatientID=1"),
            ("(0010,0020)=1", "PatientID=1"),
            ("(0040,0100)[0].0008,0060=CT", "ScheduledProcedureStepSequence[0].Modality=CT"),
            ("FrameIncrementPointer=FrameTime", "FrameIncrementPointer=(0018,1063)"),
            ("PatientComments=a=b", "PatientComments=a=b"),
        ],
    )
    def test_other_ways(self, text: str, same: str) -> None:
        assert keys(text) == keys(same)

    def test_items(self) -> None:
        sequence = "ScheduledProcedureStepSequence"
        query = keys(f"{sequence}[2].Modality=CT", f"{sequence}[0].Modality=MR", f"{sequence}[5]")
        assert [len(item) for item in query[sequence]] == [1, 0, 1, 0, 0, 0]
        assert value_text(query, next(locations(query))) == "MR"

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "=",
            "NoSuchKeyword=1",
            "0010=1",
            "0011,1001=1",
            "0000,0110=1",
            "0002,0010=1",
            "0010,0000=1",
            "Rows=many",
            "Rows=1.5",
            "PixelData=xyz",
            "SeriesNumber=abc",
            "PatientID[0].Modality=CT",
            "ScheduledProcedureStepSequence=CT",
            "ScheduledProcedureStepSequence[0]=CT",
            "ScheduledProcedureStepSequence[0]Modality=CT",
            "ScheduledProcedureStepSequence[0].=CT",
            "ScheduledProcedureStepSequence[-1].Modality=CT",
            "ScheduledProcedureStepSequence[1000].Modality=CT",
            "PatientID.Modality=CT",
        ],
    )
    def test_unusable(self, text: str) -> None:
        with pytest.raises(AppError, match="write it as") as raised:
            identifier_of(options(text))
        assert raised.value.code == Exit.USAGE

    def test_none(self) -> None:
        with pytest.raises(AppError, match="-k, -f or --query-json"):
            identifier_of(options())

    def test_character_set_is_set(self) -> None:
        query = identifier_of(options("PatientName=山田^太郎", "PatientID=1"))
        assert query.SpecificCharacterSet == "ISO_IR 192"
        assert "SpecificCharacterSet" not in identifier_of(options("PatientName=Doe"))

    def test_character_set_is_kept(self) -> None:
        query = identifier_of(options("SpecificCharacterSet=ISO_IR 100", "PatientName=Müller"))
        assert query.SpecificCharacterSet == "ISO_IR 100"

    @pytest.mark.parametrize("key", ["SpecificCharacterSet", "0008,0005", "(0008,0005)"])
    def test_character_set_does_not_fit(self, key: str) -> None:
        with pytest.raises(AppError, match="does not have all characters"):
            identifier_of(options(f"{key}=ISO_IR 100", "PatientName=山田"))

    def test_file(self, tmp_path: Path) -> None:
        step = Dataset()
        step.SpecificCharacterSet = "ISO_IR 100"
        step.ScheduledPerformingPhysicianName = "Björk"
        query = keys("PatientName=Müller", "PatientID=1", "SpecificCharacterSet=ISO_IR 100")
        query.ScheduledProcedureStepSequence = [step]
        path = tmp_path / "query.dcm"
        query.save_as(path, implicit_vr=False, little_endian=True)
        assert identifier_of(options(file=path)).PatientName == "Müller"
        read = identifier_of(options("PatientName=山田", "PatientID=2", file=path))
        assert read.SpecificCharacterSet == "ISO_IR 192"
        assert lines(read)[1:] == [
            "PatientName=山田",
            "PatientID=2",
            "ScheduledProcedureStepSequence[0].ScheduledPerformingPhysicianName=Björk",
        ]

    def test_json(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        query = keys("PatientName=Doe", "ScheduledProcedureStepSequence[0].Modality=CT", "Rows=2")
        text = json.dumps(to_json_model(query))
        (tmp_path / "query.json").write_text(f"[{text}]")
        assert identifier_of(options(query_json=tmp_path / "query.json")) == query
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        assert identifier_of(options("PatientName=", query_json="-")).PatientName is None

    @pytest.mark.parametrize(
        "content", ["", "{", "[]", "1", '{"1": 2}', '{"00100020": {}}', "\xe4"]
    )
    def test_json_unusable(self, content: str, tmp_path: Path) -> None:
        path = tmp_path / "query.json"
        path.write_text(content, encoding="latin-1")
        with pytest.raises(AppError) as raised:
            identifier_of(options(query_json=path))
        assert raised.value.code == Exit.USAGE

    @pytest.mark.parametrize("option", ["file", "query_json"])
    def test_no_file(self, option: str, tmp_path: Path) -> None:
        with pytest.raises(AppError, match="can't be read"):
            identifier_of(options(**{option: tmp_path / "none"}))

    @pytest.mark.parametrize(
        ("model", "texts", "level"),
        [
            ("patient", ["PatientName="], "PATIENT"),
            ("patient", ["PatientID=1", "StudyInstanceUID="], "STUDY"),
            ("study", ["PatientID=1"], "STUDY"),
            ("study", ["SOPInstanceUID=1.2", "StudyInstanceUID=1"], "IMAGE"),
            ("psonly", ["SeriesInstanceUID=1"], "PATIENT"),
            ("study", ["QueryRetrieveLevel=SERIES"], "SERIES"),
            ("worklist", ["PatientID=1"], ""),
        ],
    )
    def test_level(self, model: str, texts: list[str], level: str) -> None:
        query = keys(*texts)
        assert complete(query, MODELS[model]) == level
        assert query.get("QueryRetrieveLevel", "") == level

    def test_level_of_another_model(self) -> None:
        with pytest.raises(AppError, match="STUDY, SERIES, IMAGE"):
            complete(keys("QueryRetrieveLevel=PATIENT"), MODELS["study"])


def worklist_item() -> Dataset:
    """Return an item of a worklist, with what a terminal must not see."""
    item = keys(
        "PatientID=P1",
        "PatientName=Müller^Jörg",
        "ScheduledProcedureStepSequence[0].Modality=CT",
        "SpecificCharacterSet=ISO_IR 100",
    )
    item.RequestedProcedureDescription = "\x1b[31mred, \u201dor\u201d not".replace("\u201d", '"')
    return item


@pytest.fixture
def find(start_scp: StartSCP, capsys: Capture) -> Find:
    """Run findscu against our own archive."""
    library = Library(HISTORY, [worklist_item()])
    port = start_scp(library.contexts(), library.handlers()).server_address[1]
    return lambda *args: call_app(capsys, "findscu", HOST, port, "-ll", "critical", *args)


def serve_find(start_scp: StartSCP, handler: Any, *more: Any, **settings: Any) -> int:
    """Start an SCP with a handler for C-FIND, and return its port."""
    contexts = settings.pop("contexts", [PatientRootQueryRetrieveInformationModelFind])
    port: int = start_scp(contexts, [(evt.EVT_C_FIND, handler), *more]).server_address[1]
    return port


class TestFind:
    def test_text(self, find: Find) -> None:
        done = find("-k", "PatientID=77654033", "-k", "PatientName")
        assert done.code == Exit.SUCCESS
        assert done.out.splitlines() == [
            "# 1",
            "SpecificCharacterSet=ISO_IR 100",
            "QueryRetrieveLevel=PATIENT",
            "PatientName=Doe^Archibald",
            "PatientID=77654033",
            "# matches: 1",
        ]

    def test_json(self, find: Find) -> None:
        done = find("-S", "-k", "StudyInstanceUID", "-k", "PatientID=77654033", "--json")
        assert done.code == Exit.SUCCESS
        found = [Dataset.from_json(record["dataset"]) for record in done.of("match")]
        assert {match.PatientID for match in found} == {"77654033"}
        uids = {sample.path: dcmread(sample.path).StudyInstanceUID for sample in HISTORY}
        here = {uid for path, uid in uids.items() if "77654033" in path.parts}
        assert sorted(match.StudyInstanceUID for match in found) == sorted(here)
        assert done.of("result") == [{"event": "result", "matches": len(here), "status": "0x0000"}]

    def test_csv(self, find: Find) -> None:
        wanted = ["PatientID", "PatientName", "RequestedProcedureDescription"]
        names = [*wanted, "ScheduledProcedureStepSequence[0].Modality"]
        args = [part for name in names for part in ("-k", name)]
        done = find("-W", *args, "--csv")
        rows = list(csv.DictReader(io.StringIO(done.out)))
        assert rows == [
            {
                "PatientID": "P1",
                "PatientName": "Müller^Jörg",
                "RequestedProcedureDescription": '\\x1b[31mred, "or" not',
                "ScheduledProcedureStepSequence[0].Modality": "CT",
            }
        ]

    def test_sequence_in_a_column(self) -> None:
        where = (0x00400100,)
        assert value_text(worklist_item(), where) == '[{"00080060": {"vr": "CS", "Value": ["CT"]}}]'
        assert value_text(Dataset(), (*where, 0, 0x00080060)) == ""
        assert value_text(keys("ScheduledProcedureStepSequence"), where) == ""

    @pytest.mark.parametrize("has_rich", [True, False])
    def test_table(self, has_rich: bool, find: Find, monkeypatch: pytest.MonkeyPatch) -> None:
        if not has_rich:
            monkeypatch.setitem(sys.modules, "rich.console", None)
        done = find("-k", "PatientID", "-k", "PatientName", "--table")
        cells = [line.strip("┃│").split() for line in done.out.splitlines()]
        cells = [[cell for cell in row if cell not in "┃│"] for row in cells]
        assert ["QueryRetrieveLevel", "PatientName", "PatientID"] in cells
        assert ["PATIENT", "Doe^Archibald", "77654033"] in cells

    @pytest.mark.parametrize("option", ["-w", "-X"])
    def test_files(
        self, option: str, find: Find, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        find("-W", option, "-k", "PatientID", "-k", "PatientName")
        assert [path.name for path in tmp_path.iterdir()] == ["rsp000001.dcm"]
        written = dcmread("rsp000001.dcm")
        assert written.PatientName == "Müller^Jörg"
        assert written.file_meta.MediaStorageSOPClassUID == WORKLIST
        assert written.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        find("-k", "PatientID", "-w", "-od", tmp_path / "deep" / "er")
        assert len(list((tmp_path / "deep" / "er").iterdir())) >= 2

    def test_no_match(self, find: Find) -> None:
        done = find("-k", "PatientID=nobody")
        assert (done.code, done.out, done.err) == (Exit.SUCCESS, "# matches: 0\n", "")

    def test_refused(self, find: Find) -> None:
        done = find("-k", "PatientName=Nobody", "--json")
        assert done.code == Exit.ALL_FAILED
        assert done.of("result") == [{"event": "result", "matches": 0, "status": "0xA900"}]
        assert done.err.startswith(
            "findscu: the query ended with status 0xA900: Nobody is nobody; check the level"
        )

    def test_wrong_key(self, find: Find) -> None:
        done = find("-k", "PatientNme=Doe")
        assert done.code == Exit.USAGE
        assert "'PatientNme' is no keyword of DICOM" in done.err

    def test_nothing_asked(self, find: Find) -> None:
        assert find().code == Exit.USAGE

    def test_model_not_offered(self, find: Find) -> None:
        done = find("-U", "-k", "PatientID")
        assert done.code == Exit.NO_CONTEXT

    @pytest.mark.parametrize("level", ["fatal", "trace", "critical"])
    def test_log_levels(self, level: str, find: Find) -> None:
        assert find("-ll", level, "-k", "PatientID=nobody").code == Exit.SUCCESS

    def test_matches_are_not_logged_by_default(self, start_scp: StartSCP, capsys: Capture) -> None:
        library = Library(HISTORY)
        port = start_scp(library.contexts(), library.handlers()).server_address[1]
        done = call_app(capsys, "findscu", HOST, port, "-k", "PatientName=Doe^*")
        assert "Requesting Association" in done.err
        assert "Doe^Archibald" in done.out


class TestResponses:
    def test_some_then_failure(self, start_scp: StartSCP, capsys: Capture) -> None:
        def handle(event: evt.Event) -> Any:
            yield 0xFF01, keys("PatientID=1", "QueryRetrieveLevel=PATIENT")
            yield 0xA700, None

        done = call_app(
            capsys, "findscu", HOST, serve_find(start_scp, handle), "-k", "PatientID", "--json"
        )
        assert done.code == Exit.SOME_FAILED
        assert done.of("match")[0]["status"] == "0xFF01"
        assert "0xA700" in done.err

    def test_lost(self, start_scp: StartSCP, capsys: Capture) -> None:
        def handle(event: evt.Event) -> Any:
            yield 0xFF00, keys("PatientID=1", "QueryRetrieveLevel=PATIENT")
            event.assoc.abort()

        done = call_app(capsys, "findscu", HOST, serve_find(start_scp, handle), "-k", "PatientID")
        assert done.code == Exit.ABORTED

    @pytest.mark.parametrize(("option", "shown"), [("--limit", 2), ("--cancel", 3)])
    def test_cancel(self, option: str, shown: int, start_scp: StartSCP, capsys: Capture) -> None:
        def handle(event: evt.Event) -> Any:
            for number in (1, 2):
                yield 0xFF00, keys(f"PatientID={number}", "QueryRetrieveLevel=PATIENT")
            while not event.is_cancelled:
                cancelled.wait(0.01)
            yield 0xFF00, keys("PatientID=3", "QueryRetrieveLevel=PATIENT")
            yield 0xFE00, None

        cancelled = threading.Event()  # never set
        port = serve_find(start_scp, handle)
        done = call_app(capsys, "findscu", HOST, port, "-k", "PatientID", "--json", option, 2)
        assert done.code == Exit.SUCCESS
        assert len(done.of("match")) == shown
        assert done.of("result")[0]["status"] == "0xFE00"

    def test_cancelled_by_the_peer(self, start_scp: StartSCP, capsys: Capture) -> None:
        def handle(event: evt.Event) -> Any:
            yield 0xFE00, None

        port = serve_find(start_scp, handle)
        done = call_app(capsys, "findscu", HOST, port, "-k", "PatientID", "--limit", 2)
        assert done.code == Exit.ALL_FAILED

    @pytest.mark.parametrize(
        ("agreed", "told"),
        [
            (b"\1\0\1", ""),
            (b"\0\0\1", "relational queries"),
            (b"\1", "fuzzy matching of names"),
        ],
    )
    def test_what_is_declined_is_told(
        self, agreed: bytes, told: str, start_scp: StartSCP, capsys: Capture
    ) -> None:
        def handle(event: evt.Event) -> Any:
            yield 0x0000, None

        negotiate = (evt.EVT_SOP_EXTENDED, lambda event: dict.fromkeys(event.app_info, agreed))
        port = serve_find(start_scp, handle, negotiate)
        asked = ["-k", "PatientID", "--relational-query", "--fuzzy-names", "-ll", "critical"]
        done = call_app(capsys, "findscu", HOST, port, *asked)
        assert done.code == Exit.SUCCESS
        sentence = f"the peer has not agreed to {told}; it may refuse, or answer without"
        assert done.err == (f"findscu: {sentence}\n" if told else "")

    @pytest.mark.parametrize(
        ("model", "information"), [("-S", b"\1\0\1\0\0"), ("-W", b"\1\1\1\0"), ("-U", b"\1\1\1\0")]
    )
    def test_negotiation(
        self, model: str, information: bytes, start_scp: StartSCP, capsys: Capture
    ) -> None:
        asked: list[dict[str, bytes]] = []

        def negotiate(event: evt.Event) -> dict[str, bytes]:
            asked.append(event.app_info)
            return {}

        def handle(event: evt.Event) -> Any:
            yield 0x0000, None

        served = [STUDY_ROOT["find"], WORKLIST, UnifiedProcedureStepWatch]
        port = serve_find(start_scp, handle, (evt.EVT_SOP_EXTENDED, negotiate), contexts=served)
        flags = ["--relational-query", "--fuzzy-names"]
        done = call_app(capsys, "findscu", HOST, port, model, "-k", "PatientID", *flags)
        assert done.code == Exit.SUCCESS
        assert set(asked[0].values()) == {information}
        assert "has not agreed to relational queries, fuzzy matching of names;" in done.err


class TestCtrlC:
    def run(self, port: int) -> tuple[int, str]:
        """Interrupt findscu when it has shown a match; return the exit code and stderr."""
        process = subprocess.Popen(
            command("findscu", HOST, port, "--json", "-ll", "critical", "-k", "PatientID"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        with process:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["event"] == "match"
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=PATIENCE)
        return process.returncode, err

    def test_cancels_and_releases(self, start_scp: StartSCP) -> None:
        released = threading.Event()
        library = Library(HISTORY, cancelled_after=1)
        handlers = [*library.handlers(), (evt.EVT_RELEASED, lambda event: released.set())]
        port = start_scp(library.contexts(), handlers).server_address[1]
        assert self.run(port) == (Exit.INTERRUPTED, "findscu: interrupted\n")
        assert released.wait(PATIENCE)

    def test_aborts_who_does_not_listen(self, start_scp: StartSCP) -> None:
        over, aborted = threading.Event(), threading.Event()

        def handle(event: evt.Event) -> Any:
            yield 0xFF00, keys("PatientID=1", "QueryRetrieveLevel=PATIENT")
            over.wait(PATIENCE)
            yield 0x0000, None

        port = serve_find(start_scp, handle, (evt.EVT_ABORTED, lambda event: aborted.set()))
        code, err = self.run(port)
        over.set()
        assert (code, err) == (Exit.INTERRUPTED, "findscu: interrupted\n")
        assert aborted.wait(PATIENCE)
