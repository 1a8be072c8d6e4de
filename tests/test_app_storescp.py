"""storescp: where it saves, what it refuses, and what follows a reception."""

from __future__ import annotations

import errno
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, config, dcmread, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from pynetdicom import AE, Association, evt
from pynetdicom.apps.common.exits import AppError, Exit
from pynetdicom.apps.common.storing import Store, Template, safe_name, uid_name
from pynetdicom.apps.storescp.studies import Command
from pynetdicom.dsutils import split_dataset
from pynetdicom.sop_class import CTImageStorage, MRImageStorage, Verification
from tests.support import raw
from tests.support.apps import RunningApp, call_app, running_app
from tests.support.peers import HOST
from tests.support.raw import data_element, data_element_header, message, store_rq
from tests.support.samples import CT, LARGE, SAMPLES, expected, instance_uid, requesting_ae, take

Capture = pytest.CaptureFixture[str]
StartSCP = Callable[..., Any]
# What a file in this transfer syntax goes out in undecoded
AS_IT_IS = [(CTImageStorage, ExplicitVRLittleEndian)]


def instance(uid: str = "1.2.3", **elements: Any) -> Dataset:
    """Return a small instance."""
    data = Dataset()
    data.SOPClassUID = CTImageStorage
    with config.disable_value_validation():
        data.SOPInstanceUID = uid
    for keyword, value in elements.items():
        setattr(data, keyword, value)
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return data


@contextmanager
def associated(
    port: int, contexts: Sequence[Any] = (CTImageStorage, Verification), **arguments: Any
) -> Iterator[Association]:
    """Give an association with an SCP."""
    ae = AE()
    for context in contexts:
        ae.add_requested_context(*(context if isinstance(context, tuple) else (context,)))
    assoc = ae.associate(HOST, port, **arguments)
    assert assoc.is_established
    yield assoc
    assoc.release()


def store(scp: RunningApp, *instances: Dataset, **arguments: Any) -> list[int | None]:
    """Store instances and return the statuses."""
    with associated(scp.port, **arguments) as assoc:
        return [assoc.send_c_store(each).get("Status") for each in instances]


class TestSaving:
    def test_every_sample_bit_for_bit(self, tmp_path: Path) -> None:
        samples = {instance_uid(s.path): s for s in SAMPLES}
        refused = []
        with running_app("storescp", "-od", tmp_path / "in") as scp:
            assoc = requesting_ae(samples.values()).associate(HOST, scp.port)
            assert assoc.send_c_echo().Status == 0x0000
            for uid, sample in samples.items():
                status = assoc.send_c_store(sample.path).Status
                record = scp.next("instance")
                assert record["status"] == f"0x{status:04X}"
                if status:
                    refused.append((uid, status))
            assoc.release()
            assert scp.stop().code == Exit.SUCCESS
        # Files whose meta information names another instance than their data sets
        assert {status for _, status in refused} == {0xA900}
        assert 0 < len(refused) < 40
        for uid, _ in refused:
            data = dcmread(samples[uid].path, force=True)
            assert (data.SOPInstanceUID, data.SOPClassUID) != (uid, samples[uid].sop_class)
            del samples[uid]
        assert take(tmp_path / "in") == expected(samples.values())

    def test_default_names(self, tmp_path: Path) -> None:
        mr, odd = instance("1.2.4"), instance("1.2.5")
        mr.SOPClassUID = MRImageStorage
        odd.SOPClassUID = "1.2.840.10008.5.1.4.1.1.66.4"
        contexts = [CTImageStorage, MRImageStorage, odd.SOPClassUID]
        with running_app("storescp", cwd=tmp_path) as scp:
            assert store(scp, instance(), mr, odd, contexts=contexts) == [0, 0, 0]
            scp.stop()
        assert sorted(p.name for p in tmp_path.iterdir()) == ["CT.1.2.3", "MR.1.2.4", "UN.1.2.5"]

    def test_template(self, tmp_path: Path) -> None:
        template = "{PatientID}/{StudyDate}-{Modality}/{SOPInstanceUID}.dcm"
        with running_app("storescp", "-od", tmp_path, "--output-template", template) as scp:
            first = instance(PatientID="4711", StudyDate="20260101", Modality="CT")
            second = instance("1.2.4", PatientID="../../escaped", StudyDate="20260101")
            assert store(scp, first, second) == [0, 0]
            paths = [Path(scp.next("instance")["file"]) for _ in range(2)]
            scp.stop()
        assert paths[0] == tmp_path.resolve() / "4711" / "20260101-CT" / "1.2.3.dcm"
        assert paths[1].is_relative_to(tmp_path.resolve())
        assert paths[1].parent.name == "20260101-unknown"
        assert paths[1].exists()
        assert dcmread(paths[0]).PatientID == "4711"

    @pytest.mark.parametrize("uid", ["../../escaped", "/abs", "1.2/3", "CON", ".", "a b"])
    def test_odd_instance_uids(self, uid: str, tmp_path: Path) -> None:
        folder = tmp_path / "in"
        with running_app("storescp", "-od", folder) as scp:
            (status,) = store(scp, instance(uid))
            scp.stop()
        assert status == 0x0000
        (path,) = folder.iterdir()
        assert path.name == f"CT.{uid_name(uid)}"
        assert [p.name for p in tmp_path.iterdir()] == ["in"]

    @pytest.mark.parametrize(
        "syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian]
    )
    def test_large_data_set_of_any_encoding(self, syntax: str, tmp_path: Path) -> None:
        data = instance(PatientID="1")
        data.add_new("PixelData", "OW", bytes(range(256)) * 8192)
        options = ["-od", tmp_path, "--output-template", "{PatientID}/{SOPInstanceUID}"]
        with running_app("storescp", *options) as scp:
            assert store(scp, data, contexts=[(CTImageStorage, syntax)]) == [0x0000]
            scp.stop()
        saved = dcmread(tmp_path / "1" / "1.2.3")
        assert saved.file_meta.TransferSyntaxUID == syntax
        assert saved.PixelData == data.PixelData
        assert [p.name for p in tmp_path.iterdir()] == ["1"]

    def test_ignore(self, tmp_path: Path) -> None:
        with running_app("storescp", "--ignore", cwd=tmp_path) as scp:
            assert store(scp, instance()) == [0x0000]
            assert scp.next("instance")["file"] is None
            scp.stop()
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("policy", "status", "names", "kept"),
        [
            ("replace", 0x0000, ["CT.1.2.3"], ["second"]),
            ("keep", 0x0000, ["CT.1.2.3"], ["first"]),
            ("reject", 0x0111, ["CT.1.2.3"], ["first"]),
            ("rename", 0x0000, ["CT.1.2.3", "CT.1.2.3~1", "CT.1.2.3~2"], None),
        ],
    )
    def test_duplicates(
        self, policy: str, status: int, names: list[str], kept: list[str] | None, tmp_path: Path
    ) -> None:
        first, second = instance(PatientID="first"), instance(PatientID="second")
        with running_app("storescp", "-od", tmp_path, "--duplicates", policy) as scp:
            assert store(scp, first, second, second) == [0x0000, status, status]
            scp.stop()
        assert sorted(path.name for path in tmp_path.iterdir()) == names
        found = [dcmread(path).PatientID for path in sorted(tmp_path.iterdir())]
        assert found == (kept or ["first", "second", "second"])

    def test_reason_fits_into_the_response(self, tmp_path: Path) -> None:
        uid = "1.2." + "3" * 60
        with running_app("storescp", "-od", tmp_path, "--duplicates", "reject") as scp:
            with associated(scp.port, AS_IT_IS) as assoc:
                for _ in range(2):
                    answer = assoc.send_c_store(instance(uid))
            assert answer.ErrorComment.startswith("there already: CT.1.2.333")
            scp.stop()


class TestRefusing:
    def test_mismatch(self, tmp_path: Path) -> None:
        other = tmp_path / "other.dcm"
        data = dcmread(CT.path)
        data.SOPInstanceUID = "1.2.3"
        data.save_as(other, enforce_file_format=False)
        with running_app("storescp", "-od", tmp_path / "in") as scp:
            with associated(scp.port, AS_IT_IS) as assoc:
                answer = assoc.send_c_store(other)
            assert answer.Status == 0xA900
            assert "another SOP class or instance" in answer.ErrorComment
            done = scp.stop()
        assert "0xA900" in done.err
        assert list((tmp_path / "in").iterdir()) == []

    def test_too_much_before(self, tmp_path: Path) -> None:
        """Of a million items one has been looked at that is too many."""
        elements = data_element_header(0x0008, 0x0006, 0xFFFFFFFF)
        elements += data_element_header(0xFFFE, 0xE000, 0) * 1_000_000
        with running_app("storescp", "-od", tmp_path / "in") as scp:
            with raw.associated(scp.port) as peer:
                peer.send(message(store_rq(), 3, elements + raw.data_set(), size=1 << 19))
                answer = peer.read_message()
            done = scp.stop()
        assert answer.status == 0xC000
        assert b"can't be decoded" in answer.elements[0x0902]
        assert "more than 1000000 elements and items" in done.err
        assert list((tmp_path / "in").iterdir()) == []

    def test_long_uids(self, tmp_path: Path) -> None:
        values = data_element(0x0008, 0x0018, b"1\\" * 100_000)
        with running_app("storescp", "-od", tmp_path / "in") as scp:
            with raw.associated(scp.port) as peer:
                peer.send(message(store_rq(), 3, values))
                answer = peer.read_message()
            scp.stop()
        assert answer.status == 0xA900
        assert b"SOPInstanceUID has more than 64" in answer.elements[0x0902]
        assert list((tmp_path / "in").iterdir()) == []

    @pytest.mark.parametrize(("option", "shown"), [((), True), (("-q",), False)])
    def test_errors_are_shown(self, option: tuple[str, ...], shown: bool) -> None:
        """Those of the library, too, which nobody sees who has not asked for a log before."""
        with running_app("storescp", "--ignore", "--max-size", "1", *option) as scp:
            with raw.associated(scp.port) as peer:
                peer.send(message(store_rq(), 3, raw.data_set(length=1 << 21)))
                peer.expect_abort()
            done = scp.stop()
        assert ("E: " in done.err) == shown
        assert shown or done.err == ""

    def test_undecodable(self, tmp_path: Path) -> None:
        path = tmp_path / "broken.dcm"
        dcmwrite(path, instance(), enforce_file_format=True)
        data = dcmread(path)
        data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        dcmwrite(path, data, enforce_file_format=True)
        path.write_bytes(path.read_bytes()[: split_dataset(path)[1]] + b"\xff" * 30)
        contexts = [(CTImageStorage, DeflatedExplicitVRLittleEndian)]
        with running_app("storescp", "-od", tmp_path / "in") as scp:
            with associated(scp.port, contexts) as assoc:
                assert assoc.send_c_store(path).Status == 0xC000
            scp.stop()
        assert list((tmp_path / "in").iterdir()) == []

    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
    def test_system_errors(
        self, number: int, start_scp: StartSCP, tmp_path: Path, capsys: Capture
    ) -> None:
        from pynetdicom.apps.common.output import Console
        from pynetdicom.apps.storescp import storescp
        from pynetdicom.apps.storescp.studies import Commands

        options = storescp._parser([]).parse_args(["0", "-od", str(tmp_path)])
        console = Console("storescp", False, False, False)
        receiver = storescp._Receiver(options, console, Commands(console))

        def handle(event: evt.Event) -> Any:
            def fail(path: Path) -> None:
                raise OSError(number, "no luck")

            event.save_as = fail  # type: ignore[method-assign]
            return receiver.receive(event)

        server = start_scp([CTImageStorage], [(evt.EVT_C_STORE, handle)])
        with associated(server.server_address[1], [CTImageStorage]) as assoc:
            answer = assoc.send_c_store(instance())
        assert answer.Status == 0xA700
        assert "no luck" in capsys.readouterr().err
        assert list(tmp_path.iterdir()) == []

    def test_no_echo(self) -> None:
        with running_app("storescp", "--ignore", "--no-echo") as scp:
            with associated(scp.port) as assoc, pytest.raises(ValueError, match="Verification"):
                assoc.send_c_echo()
            scp.stop()

    def test_accept_all(self, tmp_path: Path) -> None:
        data = instance()
        data.SOPClassUID = "1.2.3.4.5"
        contexts = [(data.SOPClassUID, ExplicitVRLittleEndian), CTImageStorage]
        for options, statuses in (([], None), (["--accept-all"], [0x0000])):
            with running_app("storescp", "-od", tmp_path, *options) as scp:
                if statuses is None:
                    with pytest.raises(ValueError, match=r"1\.2\.3\.4\.5"):
                        store(scp, data, contexts=contexts)
                else:
                    assert store(scp, data, contexts=contexts) == statuses
                scp.stop()
        assert [path.name for path in tmp_path.iterdir()] == ["UN.1.2.3"]

    def test_whom_to_accept(self) -> None:
        options = ["--accept-from", "A", "--accept-from", "B", "--check-called-aet"]
        with running_app("storescp", "--ignore", *options) as scp:
            for calling, called, ok in (
                ("A", "STORESCP", True),
                ("B", "STORESCP", True),
                ("C", "STORESCP", False),
                ("A", "OTHER", False),
            ):
                ae = AE(calling)
                ae.add_requested_context(Verification)
                assoc = ae.associate(HOST, scp.port, ae_title=called)
                assert assoc.is_established == ok
                assoc.release()
            scp.stop()

    def test_limits(self, tmp_path: Path) -> None:
        data = instance()
        data.add_new("PixelData", "OW", bytes(2 << 20))
        options = ["--max-size", 1, "--max-associations", 1]
        with running_app("storescp", "-od", tmp_path, *options) as scp:
            with associated(scp.port):
                ae = AE()
                ae.add_requested_context(Verification)
                second = ae.associate(HOST, scp.port)
                assert second.is_rejected
                assert second.acceptor.primitive.result_source == 3
            (status,) = store(scp, data)
            assert status != 0x0000
            scp.stop()
        assert list(tmp_path.iterdir()) == []


class TestSyntaxes:
    @pytest.mark.parametrize(
        ("options", "chosen"),
        [
            ([], ImplicitVRLittleEndian),
            (["-x="], ExplicitVRLittleEndian),
            (["-xe"], ExplicitVRLittleEndian),
            (["-xb"], "1.2.840.10008.1.2.2"),
            (["-xi"], ImplicitVRLittleEndian),
        ],
        ids=str,
    )
    def test_preference(self, options: list[str], chosen: str) -> None:
        with running_app("storescp", "--ignore", *options) as scp:
            with associated(scp.port) as assoc:
                found = {context.transfer_syntax[0] for context in assoc.accepted_contexts}
            scp.stop()
        assert found == {chosen}


class TestStudies:
    def test_end_of_study(self, tmp_path: Path) -> None:
        marker = tmp_path / "marker.txt"
        script = "import sys; open(sys.argv[1], 'a').write(' '.join(sys.argv[2:]) + chr(10))"
        run = shlex.join([sys.executable, "-c", script, str(marker)])
        options = ["--eostudy-timeout", "0.3", "--exec-on-eostudy", run + " {study} {folder}"]
        options += ["--exec-on-reception", run + " {file}"]
        options += ["--output-template", "{StudyInstanceUID}/{SeriesInstanceUID}/{SOPInstanceUID}"]
        study = {"StudyInstanceUID": "1.9"}
        with running_app("storescp", "-od", tmp_path / "in", *options) as scp:
            first = instance("1.1", SeriesInstanceUID="1.8", **study)
            second = instance("1.2", SeriesInstanceUID="1.7", **study)
            assert store(scp, first, second) == [0, 0]
            files = [scp.next("instance")["file"] for _ in range(2)]
            record = scp.next("study")
            # Commands run one after the other: the third has ended before a fourth begins
            assert store(scp, first) == [0]
            scp.next("instance")
            scp.next("study")
            scp.stop()
        folder = str((tmp_path / "in" / "1.9").resolve())
        assert record == {"event": "study", "study": "1.9", "folder": folder, "instances": 2}
        lines = marker.read_text().splitlines()
        assert lines[:3] == [*files, f"1.9 {folder}"]

    @pytest.mark.parametrize(
        "options",
        [
            ["--exec-on-eostudy", "x"],
            ["--exec-on-eostudy", "'", "--eostudy-timeout", "1"],
            ["--exec-on-reception", ""],
            ["--exec-on-reception", "x {study}"],
            ["--exec-on-reception", "x {}"],
            ["--output-template", "{PatientID}"],
            ["--output-template", "{Nonsense}/{SOPInstanceUID}"],
            ["--output-template", "../{SOPInstanceUID}"],
            ["--output-template", "/{SOPInstanceUID}"],
            ["--output-template", "{PatientID"],
            ["--output-template", "{SOPInstanceUID!r}"],
            ["--duplicates", "lose"],
            ["--max-size", "0"],
        ],
        ids=str,
    )
    def test_usage(self, options: list[str], tmp_path: Path, capsys: Capture) -> None:
        done = call_app(capsys, "storescp", 0, "-od", tmp_path, *options)
        assert done.code == Exit.USAGE
        assert done.err

    def test_command_has_no_shell(self) -> None:
        command = Command("run '{file}' --to=x{file}", {"file"})
        assert command.filled({"file": "a b; rm {x}"}) == [
            "run",
            "a b; rm {x}",
            "--to=xa b; rm {x}",
        ]

    def test_command_fails(self, tmp_path: Path) -> None:
        options = ["--exec-on-reception", "/no/such/program {file}"]
        with running_app("storescp", "-od", tmp_path, *options) as scp:
            assert store(scp, instance()) == [0]
            assert scp.process.stderr is not None
            assert "/no/such/program can't be run" in scp.process.stderr.readline()
            scp.stop()


class TestTesting:
    """The options that make it a bad peer."""

    @pytest.mark.parametrize("option", ["--abort-during", "--abort-after"])
    def test_abort(self, option: str, tmp_path: Path) -> None:
        with running_app("storescp", "-od", tmp_path, option) as scp:
            assert store(scp, instance()) == [None]
            scp.stop()
        assert len(list(tmp_path.iterdir())) == (1 if option == "--abort-after" else 0)

    @pytest.mark.parametrize("option", ["--sleep-during", "--sleep-after"])
    def test_sleep(self, option: str) -> None:
        with running_app("storescp", "--ignore", option, 600) as scp:
            ae = AE()
            ae.dimse_timeout = 0.3
            ae.add_requested_context(CTImageStorage)
            assoc = ae.associate(HOST, scp.port)
            assert assoc.is_established
            assert not assoc.send_c_store(instance())
            assert scp.stop(signal.SIGINT).code == 0


class TestEnding:
    def test_half_received_leaves_nothing(self, tmp_path: Path) -> None:
        # Ended while a data set comes in that is large enough for a temporary file
        sample = max(LARGE, key=lambda sample: sample.path.stat().st_size)
        data = dcmread(sample.path)
        data.add_new(0x00091010, "OB", bytes(4 << 20))
        folder = tmp_path / "in"
        with running_app("storescp", "-od", folder) as scp:
            contexts = [(sample.sop_class, sample.transfer_syntax)]
            with associated(scp.port, contexts, max_pdu=4096) as assoc:
                stopped: list[Any] = []

                def stop(event: evt.Event) -> None:
                    if not stopped and any(p.name[0] == "." for p in folder.iterdir()):
                        stopped.append(scp.process.send_signal(signal.SIGINT))

                assoc.bind(evt.EVT_DATA_SENT, stop)
                assoc.send_c_store(data)
            assert stopped
            assert scp.process.wait(30) == 0
        assert [p.name for p in folder.iterdir() if p.name[0] == "."] == []
        for path in folder.iterdir():  # all of it or nothing
            assert dcmread(path)[0x00091010].value == bytes(4 << 20)

    def test_what_goes_on_may_end(self, tmp_path: Path) -> None:
        with running_app("storescp", "-od", tmp_path) as scp:
            with associated(scp.port) as assoc:
                scp.process.send_signal(signal.SIGTERM)
                # Stopped accepting, but this association goes on
                assert assoc.send_c_store(instance()).Status == 0x0000
            assert scp.process.wait(30) == 0
        assert [path.name for path in tmp_path.iterdir()] == ["CT.1.2.3"]

    def test_who_does_not_end_is_aborted(self) -> None:
        with running_app("storescp", "--ignore") as scp:
            with associated(scp.port) as assoc:
                assert scp.stop().code == 0
                assoc.join(30)
            assert assoc.is_aborted


class TestNames:
    @given(st.text())
    def test_safe_name(self, value: str) -> None:
        name = safe_name(value)
        assert name
        assert len(name) <= 100
        assert Path(name).name == name
        assert set(name) <= set(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-~"
        )
        assert name.strip(".") == name

    @given(st.text(), st.text())
    def test_different_values_have_different_names(self, one: str, other: str) -> None:
        assert (safe_name(one) == safe_name(other)) == (one == other)

    @pytest.mark.parametrize("value", ["", ".", "..", "CON", "nul.txt", "a/b", "a\\b", "\0", "~"])
    def test_changed(self, value: str) -> None:
        assert safe_name(value) != value

    @pytest.mark.parametrize("uid", ["", "...", "1.2/3", "../1", "x" * 65, "1" * 65])
    def test_uids(self, uid: str) -> None:
        assert len(uid_name(uid)) == 64
        assert uid_name("1.02.3.") == "1.02.3."

    def test_links_out_of_the_folder(self, tmp_path: Path) -> None:
        (tmp_path / "in").mkdir()
        (tmp_path / "out").mkdir()
        (tmp_path / "in" / "4711").symlink_to(tmp_path / "out")
        options = ["-od", tmp_path / "in", "--output-template", "{PatientID}/{SOPInstanceUID}"]
        with running_app("storescp", *options) as scp:
            assert store(scp, instance(PatientID="4711")) == [0xA700]
            scp.stop()
        assert list((tmp_path / "out").iterdir()) == []

    def test_template_names_the_instance(self) -> None:
        with pytest.raises(AppError):
            Template("{SOPInstanceUID}/file")

    def test_folder_is_made(self, tmp_path: Path) -> None:
        Store(tmp_path / "a" / "b")
        assert (tmp_path / "a" / "b").is_dir()
