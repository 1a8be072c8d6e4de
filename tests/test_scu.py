"""What an association asks of its peer: C-ECHO and C-STORE."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

from pynetdicom import AE, Association, _config, build_role, evt
from pynetdicom.dsutils import decode, split_dataset
from tests.support import raw
from tests.support.associations import CT, ECHO, SOON, EventLog, association, join, port_of
from tests.support.tls import client_context, server_context
from tests.support.watch import complaints

StartSCP = Callable[..., Any]

CT_FILE = Path(get_testdata_file("CT_small.dcm", download=False))
LITTLE_ENDIAN = [
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
]


class Archive:
    """An SCP that notes what it is sent.

    Attributes
    ----------
    received : list of (request, context, bytes)
        The C-STORE requests.
    """

    def __init__(self, start_scp: StartSCP, syntaxes: Sequence[str], **roles: bool) -> None:
        self.received: list[tuple[Any, Any, bytes]] = []
        handlers = [(evt.EVT_C_STORE, self._store)]
        role = (roles.get("scu"), roles.get("scp"))
        self.server = start_scp([ECHO, (CT, list(syntaxes), *role)], handlers)
        self.port = port_of(self.server)

    def _store(self, event: Any) -> int:
        self.received.append((event.request, event.context, event.encoded_dataset(False)))
        return 0x0000

    def send(self, dataset: Any, *syntaxes: str, **arguments: Any) -> Dataset:
        """Send a data set or file, proposing a context for each of some transfer syntaxes."""
        with association(self.port, [ECHO, *((CT, syntax) for syntax in syntaxes)]) as assoc:
            status = assoc.send_c_store(dataset, **arguments)
            assert assoc.is_established
        return status


@pytest.fixture
def archive(start_scp: StartSCP) -> Callable[..., Archive]:
    """Start an SCP that supports some transfer syntaxes, by default all uncompressed ones."""

    def start(*syntaxes: str, **roles: bool) -> Archive:
        return Archive(start_scp, syntaxes or [*LITTLE_ENDIAN, ExplicitVRBigEndian], **roles)

    return start


@pytest.fixture
def instance() -> Dataset:
    """Return a small CT image that was made and not read."""
    dataset = Dataset()
    dataset.SOPClassUID = CT
    dataset.SOPInstanceUID = "1.2.3.4"
    dataset.PatientName = "Test^Store"
    dataset.Rows = 2
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def file_in(syntax: UID, folder: Path) -> Path:
    """Return a file with the CT image in a transfer syntax."""
    dataset = dcmread(CT_FILE)
    dataset.file_meta.TransferSyntaxUID = syntax
    path = folder / "image.dcm"
    dataset.save_as(path, implicit_vr=syntax.is_implicit_VR, little_endian=True)
    return path


def decoded(data: bytes, syntax: UID) -> Dataset:
    """Return a received data set."""
    return decode(BytesIO(data), syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)


class TestEcho:
    def test_success(self, start_scp: StartSCP) -> None:
        with association(port_of(start_scp())) as assoc:
            status = assoc.send_c_echo()
            assert f"0x{status.Status:04x}" == "0x0000"
            assert len(status) == 1

    def test_comment(self, start_scp: StartSCP) -> None:
        def answer(event: Any) -> Dataset:
            status = Dataset()
            status.Status = 0x0122
            status.ErrorComment = "not today"
            return status

        with association(port_of(start_scp(handlers=[(evt.EVT_C_ECHO, answer)]))) as assoc:
            status = assoc.send_c_echo()
        assert (status.Status, status.ErrorComment) == (0x0122, "not today")
        assert len(status) == 2

    @pytest.mark.parametrize("number", [0, 1, 65535])
    def test_message_id(self, start_scp: StartSCP, number: int) -> None:
        handlers = [(evt.EVT_C_ECHO, lambda event: event.message_id)]
        with association(port_of(start_scp(handlers=handlers))) as assoc:
            assert assoc.send_c_echo(msg_id=number).Status == number

    @pytest.mark.parametrize(
        ("number", "error"),
        [
            (-1, ValueError),
            (65536, ValueError),
            ("1", TypeError),
            (1.0, TypeError),
            (None, TypeError),
        ],
    )
    def test_no_message_id(
        self, start_scp: StartSCP, number: Any, error: type[Exception], instance: Dataset
    ) -> None:
        with association(port_of(start_scp([ECHO, CT])), [ECHO, CT]) as assoc:
            with pytest.raises(error):
                assoc.send_c_echo(number)
            with pytest.raises(error):
                assoc.send_c_store(instance, number)
            assert assoc.send_c_echo().Status == 0x0000

    def test_not_accepted(self, start_scp: StartSCP) -> None:
        port = port_of(start_scp([CT]))
        with association(port, [CT]) as assoc:
            with pytest.raises(ValueError, match=r"none was proposed; use AE\.add_") as told:
                assoc.send_c_echo()
            assert f"'Verification SOP Class' ({ECHO})" in str(told.value)
        with association(port, [CT, ECHO]) as assoc:
            with pytest.raises(ValueError, match="peer answered 'Abstract Syntax Not Supported'"):
                assoc.send_c_echo()
            assert assoc.is_established

    def test_not_established(self, start_scp: StartSCP) -> None:
        port = port_of(start_scp())
        assocs = [Association(AE(), "requestor")]
        for end in ("release", "abort"):
            with association(port) as assoc:
                getattr(assoc, end)()
                assocs.append(assoc)
        for assoc in assocs:
            with pytest.raises(RuntimeError, match="must be established"):
                assoc.send_c_echo()
            with pytest.raises(RuntimeError, match="must be established"):
                assoc.send_c_store("no such file")

    def test_no_response(self, caplog: pytest.LogCaptureFixture) -> None:
        def ignore(peer: raw.Peer) -> None:
            peer.accept()
            peer.read_message()
            assert peer.expect_abort() == (0, 0)

        log = EventLog("ABORTED")
        ae = AE()
        ae.dimse_timeout = SOON
        with (
            raw.serving(ignore) as server,
            association(server.port, ae=ae, evt_handlers=log.bindings) as assoc,
        ):
            assert assoc.send_c_echo() == Dataset()
            assert assoc.is_aborted
        assert len(log.events) == 1
        (complaint,) = complaints(caplog.records)
        assert complaint.startswith("No C-ECHO response from ANY-SCP at 127.0.0.1:")
        assert complaint.endswith(f" in {SOON} s, aborting")

    @pytest.mark.parametrize("end", ["abort", "close", "reset"])
    def test_peer_ends_instead(self, end: str) -> None:
        def leave(peer: raw.Peer) -> None:
            peer.accept()
            peer.read_message()
            if end == "abort":
                peer.send(raw.abort())
                peer.expect_closed()
            elif end == "reset":
                peer.reset()

        with raw.serving(leave) as server, association(server.port) as assoc:
            assert assoc.send_c_echo() == Dataset()
            join(assoc)
            assert assoc.is_aborted

    def test_response_without_a_status(self, caplog: pytest.LogCaptureFixture) -> None:
        def answer(peer: raw.Peer) -> None:
            peer.accept()
            peer.read_message()
            peer.send(raw.message(raw.without(raw.echo_rsp(), raw.STATUS)))
            peer.expect(raw.ABORT)

        with raw.serving(answer) as server, association(server.port) as assoc:
            assert assoc.send_c_echo() == Dataset()
            assert assoc.is_aborted
        assert complaints(caplog.records)

    def test_peer_that_takes_no_data(self, caplog: pytest.LogCaptureFixture) -> None:
        def accept(peer: raw.Peer) -> None:
            peer.accept(user=raw.user_information(maximum_length=7))
            peer.expect(raw.ABORT)

        with raw.serving(accept) as server, association(server.port) as assoc:
            assert assoc.send_c_echo() == Dataset()
            assert assoc.is_aborted
        assert "leaves no room for data" in caplog.text


class _PathLike:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __fspath__(self) -> str:
        return str(self._path)


class TestWhatIsSent:
    @pytest.mark.parametrize("form", [str, Path, _PathLike])
    @pytest.mark.parametrize("chunked", [False, True])
    def test_file_as_it_is(
        self,
        archive: Callable[..., Archive],
        monkeypatch: pytest.MonkeyPatch,
        form: Callable[[Path], Any],
        chunked: bool,
    ) -> None:
        monkeypatch.setattr(_config, "STORE_SEND_CHUNKED_DATASET", chunked)
        scp = archive()
        status = scp.send(form(CT_FILE), ImplicitVRLittleEndian, ExplicitVRLittleEndian)
        assert status.Status == 0x0000
        ((request, context, data),) = scp.received
        meta, offset = split_dataset(CT_FILE)
        assert data == CT_FILE.read_bytes()[offset:]
        assert request.AffectedSOPClassUID == CT
        assert request.AffectedSOPInstanceUID == meta.MediaStorageSOPInstanceUID
        assert (context.context_id, context.transfer_syntax) == (5, ExplicitVRLittleEndian)

    def test_file_of_odd_length_is_padded(
        self, archive: Callable[..., Archive], tmp_path: Path
    ) -> None:
        """A fragment has to be of even length (PS3.8 E.1)."""
        path = tmp_path / "odd.dcm"
        path.write_bytes(CT_FILE.read_bytes()[:-1])
        scp = archive()
        assert scp.send(path, ExplicitVRLittleEndian).Status == 0x0000
        assert scp.received[0][2] == path.read_bytes()[split_dataset(path)[1] :] + b"\0"

    def test_data_set_read(self, archive: Callable[..., Archive]) -> None:
        scp = archive()
        dataset = dcmread(CT_FILE)
        assert scp.send(dataset, ExplicitVRLittleEndian).Status == 0x0000
        ((request, _, data),) = scp.received
        assert decoded(data, ExplicitVRLittleEndian) == dcmread(CT_FILE)
        assert request.AffectedSOPInstanceUID == dataset.SOPInstanceUID

    def test_data_set_made(self, archive: Callable[..., Archive], instance: Dataset) -> None:
        scp = archive()
        assert scp.send(instance, ExplicitVRLittleEndian).Status == 0x0000
        ((request, _, data),) = scp.received
        assert decoded(data, ExplicitVRLittleEndian) == instance
        assert request.MessageID == 1
        assert request.Priority == 2
        assert request.MoveOriginatorApplicationEntityTitle is None
        assert request.MoveOriginatorMessageID is None

    def test_other_arguments(self, archive: Callable[..., Archive], instance: Dataset) -> None:
        scp = archive()
        for number, priority in enumerate((0, 1, 2), start=7):
            scp.send(
                instance,
                ExplicitVRLittleEndian,
                msg_id=number,
                priority=priority,
                originator_aet="MOVER",
                originator_id=65535,
            )
            request = scp.received[-1][0]
            assert (request.MessageID, request.Priority) == (number, priority)
            assert request.MoveOriginatorApplicationEntityTitle == "MOVER"
            assert request.MoveOriginatorMessageID == 65535

    @pytest.mark.parametrize("title", ["", "A" * 17, "A\\B"])
    def test_unusable_originator_is_left_out(
        self,
        archive: Callable[..., Archive],
        instance: Dataset,
        title: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        scp = archive()
        scp.send(instance, ExplicitVRLittleEndian, originator_aet=title, originator_id=3)
        request = scp.received[0][0]
        assert request.MoveOriginatorApplicationEntityTitle is None
        assert request.MoveOriginatorMessageID == 3
        (line,) = complaints(caplog.records)
        assert line.startswith("Move Originator AE title left out")

    @pytest.mark.parametrize(
        ("length", "output"),
        [(8, 1 << 20), (9, 4096), (127, 4096), (16382, 100), (16382, 1 << 20), (0, 4096)],
    )
    def test_any_maximum_length(
        self, archive: Callable[..., Archive], length: int, output: int
    ) -> None:
        """Whatever the peer takes at a time, and we give to the system at a time."""
        scp = archive()
        scp.server.ae.maximum_pdu_size = length
        ae = AE()
        ae.limits.output_length = output
        log = EventLog("DATA_SENT")
        contexts = [(CT, ExplicitVRLittleEndian)]
        with association(scp.port, contexts, ae=ae, evt_handlers=log.bindings) as assoc:
            for dataset in (CT_FILE, dcmread(CT_FILE)):
                assert assoc.send_c_store(dataset).Status == 0x0000
        pdus = [event.data for event in log.events if event.data[0] == raw.P_DATA_TF]
        assert length == 0 or max(map(len, pdus)) <= length + 6  # the header does not count
        assert all(len(pdu) % 2 == 0 for pdu in pdus)
        (_, _, first), (_, _, second) = scp.received
        assert first == CT_FILE.read_bytes()[split_dataset(CT_FILE)[1] :]
        assert decoded(second, ExplicitVRLittleEndian) == dcmread(CT_FILE)

    @pytest.mark.parametrize("with_tls", [False, True])
    @pytest.mark.parametrize("syntax", LITTLE_ENDIAN)
    def test_large_values(
        self, start_scp: StartSCP, tmp_path: Path, with_tls: bool, syntax: UID
    ) -> None:
        """They leave from the data set's own bytes, or from the file that is the value.

        What becomes of the data set once it is on its way changes nothing.
        """
        received, dataset = [], dcmread(CT_FILE)
        pixels = dataset.PixelData = bytes(range(256)) * 12_000
        path = tmp_path / "value"
        path.write_bytes(pixels[1:] + b".")

        def change(event: Any) -> None:
            dataset.PixelData = b"changed!"

        server = start_scp(
            [(CT, [syntax])],
            [(evt.EVT_C_STORE, lambda event: received.append(event.dataset) or 0x0000)],
            server_context() if with_tls else None,
        )
        tls = (client_context(), "localhost") if with_tls else None
        with path.open("rb") as file:
            dataset.add_new(0x00091010, "OB", file)
            contexts = [(CT, syntax)]
            with association(port_of(server), contexts, tls_args=tls) as assoc:
                assoc.bind(evt.EVT_DATA_SENT, change)
                assert assoc.send_c_store(dataset).Status == 0x0000
        assert received[0].PixelData == pixels
        assert received[0].get_item(0x00091010).value == path.read_bytes()

    def test_status(self, start_scp: StartSCP, instance: Dataset) -> None:
        def refuse(event: Any) -> Dataset:
            status = Dataset()
            status.Status = 0xA900
            status.ErrorComment = "of another class"
            status.OffendingElement = [0x00080016]
            return status

        port = port_of(start_scp([CT], [(evt.EVT_C_STORE, refuse)]))
        with association(port, [CT]) as assoc:
            status = assoc.send_c_store(instance)
        assert status.Status == 0xA900
        assert status.ErrorComment == "of another class"
        assert status.OffendingElement == 0x00080016


class TestConversion:
    @pytest.mark.parametrize("source", LITTLE_ENDIAN)
    @pytest.mark.parametrize("target", LITTLE_ENDIAN)
    @pytest.mark.parametrize("form", ["file", "data set"])
    def test_without_loss(
        self,
        archive: Callable[..., Archive],
        tmp_path: Path,
        source: UID,
        target: UID,
        form: str,
    ) -> None:
        path = file_in(source, tmp_path)
        scp = archive(target)
        status = scp.send(path if form == "file" else dcmread(path), *LITTLE_ENDIAN)
        assert status.Status == 0x0000
        ((_, context, data),) = scp.received
        assert context.transfer_syntax == target
        assert decoded(data, target) == dcmread(path)
        if form == "file" and source == target:
            assert data == path.read_bytes()[split_dataset(path)[1] :]

    def test_the_same_is_preferred_to_the_first(
        self, archive: Callable[..., Archive], instance: Dataset
    ) -> None:
        scp = archive()
        instance.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        scp.send(instance, *LITTLE_ENDIAN)
        instance.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        scp.send(instance, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian)
        assert [context.context_id for _, context, _ in scp.received] == [7, 5]

    @pytest.mark.parametrize("big", [True, False])
    def test_byte_order_is_kept(
        self, archive: Callable[..., Archive], instance: Dataset, big: bool
    ) -> None:
        scp = archive()
        if big:
            instance.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
        syntaxes = LITTLE_ENDIAN if big else [ExplicitVRBigEndian]
        with pytest.raises(ValueError, match="No presentation context accepted"):
            scp.send(instance, *syntaxes)
        assert scp.send(instance, *LITTLE_ENDIAN, ExplicitVRBigEndian).Status == 0x0000
        syntax = ExplicitVRBigEndian if big else ExplicitVRLittleEndian
        assert decoded(scp.received[0][2], syntax) == instance

    @pytest.mark.parametrize("form", ["file", "data set"])
    def test_nothing_is_decompressed_or_compressed(
        self, archive: Callable[..., Archive], instance: Dataset, tmp_path: Path, form: str
    ) -> None:
        instance.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        path = tmp_path / "compressed.dcm"
        instance.save_as(path, implicit_vr=False, little_endian=True, enforce_file_format=True)
        sent = path if form == "file" else instance
        scp = archive(JPEGBaseline8Bit, *LITTLE_ENDIAN)
        with pytest.raises(ValueError) as told:
            scp.send(sent, *LITTLE_ENDIAN)
        assert str(told.value) == (
            f"No presentation context accepted for 'CT Image Storage' ({CT}) in 'JPEG Baseline "
            "(Process 1)' as SCU: the peer accepted it with 'Implicit VR Little Endian', "
            "'Explicit VR Little Endian', 'Deflated Explicit VR Little Endian' only; propose a "
            "context for this transfer syntax alone, or convert the data set"
        )
        assert scp.send(sent, ImplicitVRLittleEndian, JPEGBaseline8Bit).Status == 0x0000
        with pytest.raises(ValueError, match="with 'JPEG Baseline"):
            scp.send(CT_FILE, JPEGBaseline8Bit)

    def test_syntax_that_nobody_knows(
        self, archive: Callable[..., Archive], instance: Dataset, tmp_path: Path
    ) -> None:
        """A file goes out as it is; nothing can be said about a data set."""
        private = "1.2.826.0.1.3680043.9.3811.99.3"
        scp = archive(private, ExplicitVRLittleEndian)
        path = tmp_path / "private.dcm"
        instance.file_meta.TransferSyntaxUID = private
        instance.save_as(path, implicit_vr=False, little_endian=True, enforce_file_format=True)
        assert scp.send(path, private).Status == 0x0000
        for sent in (path, instance):
            with pytest.raises(ValueError, match=r"not a transfer syntax|context accepted"):
                scp.send(sent, ExplicitVRLittleEndian)

    @pytest.mark.parametrize(
        ("stated", "implicit", "little", "sent"),
        [
            (ExplicitVRLittleEndian, True, True, ImplicitVRLittleEndian),
            (ExplicitVRBigEndian, True, True, ImplicitVRLittleEndian),
            (ExplicitVRLittleEndian, False, False, ExplicitVRBigEndian),
            (ImplicitVRLittleEndian, False, False, ExplicitVRBigEndian),
            (ImplicitVRLittleEndian, False, True, None),
            (ExplicitVRBigEndian, False, True, None),
        ],
    )
    @pytest.mark.parametrize("known", ["read", "set"])
    def test_data_set_that_is_not_what_it_says(
        self,
        archive: Callable[..., Archive],
        instance: Dataset,
        caplog: pytest.LogCaptureFixture,
        stated: UID,
        implicit: bool,
        little: bool,
        sent: UID | None,
        known: str,
    ) -> None:
        if known == "read":
            file = BytesIO()
            instance.file_meta.TransferSyntaxUID = sent or ExplicitVRLittleEndian
            instance.save_as(
                file, implicit_vr=implicit, little_endian=little, enforce_file_format=True
            )
            instance = dcmread(BytesIO(file.getvalue()))
        else:
            instance._is_implicit_VR, instance._is_little_endian = implicit, little
        instance.file_meta.TransferSyntaxUID = stated
        scp = archive()
        syntaxes = [*LITTLE_ENDIAN, ExplicitVRBigEndian]
        if sent is None:
            with pytest.raises(AttributeError, match=f"TransferSyntaxUID is '{stated.name}'"):
                scp.send(instance, *syntaxes)
        else:
            assert scp.send(instance, *syntaxes).Status == 0x0000
            ((_, context, _),) = scp.received
            assert context.transfer_syntax == sent
            (line,) = complaints(caplog.records)
            assert f"encoded in '{sent.name}'" in line
            assert f"says '{stated.name}'" in line

    def test_encapsulated_is_explicit_little_endian(
        self, archive: Callable[..., Archive], instance: Dataset, caplog: pytest.LogCaptureFixture
    ) -> None:
        instance.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        instance._is_implicit_VR, instance._is_little_endian = False, True
        assert archive(JPEGBaseline8Bit).send(instance, JPEGBaseline8Bit).Status == 0x0000
        assert complaints(caplog.records) == []


class TestWhatCannotBeSent:
    @pytest.fixture
    def scp(self, archive: Callable[..., Archive]) -> Archive:
        return archive()

    @pytest.mark.parametrize("what", [None, 5, b"image.dcm", BytesIO()])
    def test_type(self, scp: Archive, what: Any) -> None:
        with pytest.raises(TypeError, match="Dataset or a path"):
            scp.send(what, ExplicitVRLittleEndian)

    def test_file(self, scp: Archive, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"missing\.dcm"):
            scp.send(tmp_path / "missing.dcm", ExplicitVRLittleEndian)
        with pytest.raises(OSError, match="directory"):
            scp.send(tmp_path, ExplicitVRLittleEndian)

    @pytest.mark.parametrize("content", [b"", b"hello", bytes(132), bytes(1000)])
    @pytest.mark.parametrize("chunked", [False, True])
    def test_no_dicom_file(
        self,
        scp: Archive,
        tmp_path: Path,
        content: bytes,
        monkeypatch: pytest.MonkeyPatch,
        chunked: bool,
    ) -> None:
        monkeypatch.setattr(_config, "STORE_SEND_CHUNKED_DATASET", chunked)
        path = tmp_path / "text"
        path.write_bytes(content)
        with pytest.raises(InvalidDicomError):
            scp.send(path, ExplicitVRLittleEndian)

    def test_data_set_without_file_meta(self, scp: Archive, instance: Dataset) -> None:
        del instance.file_meta.TransferSyntaxUID
        for dataset in (instance, Dataset()):
            with pytest.raises(AttributeError, match=r"no file_meta\.TransferSyntaxUID"):
                scp.send(dataset, ExplicitVRLittleEndian)

    @pytest.mark.parametrize("keyword", ["SOPClassUID", "SOPInstanceUID"])
    @pytest.mark.parametrize("value", [None, ""])
    def test_data_set_without_uid(
        self, scp: Archive, instance: Dataset, keyword: str, value: str | None
    ) -> None:
        setattr(instance, keyword, value)
        with pytest.raises(AttributeError, match=f"no {keyword}"):
            scp.send(instance, ExplicitVRLittleEndian)
        delattr(instance, keyword)
        with pytest.raises(AttributeError, match=f"no {keyword}"):
            scp.send(instance, ExplicitVRLittleEndian)

    def test_data_set_that_cannot_be_encoded(self, scp: Archive, instance: Dataset) -> None:
        instance["Rows"]._value = "many"
        with pytest.raises(ValueError, match=r"Failed to encode the data set 1\.2\.3\.4"):
            scp.send(instance, ExplicitVRLittleEndian)
        assert scp.received == []

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ({"priority": 3}, ValueError),
            ({"priority": -1}, ValueError),
            ({"originator_aet": 5}, TypeError),
            ({"originator_id": 65536}, ValueError),
            ({"originator_id": "1"}, TypeError),
        ],
    )
    def test_arguments(
        self, scp: Archive, instance: Dataset, arguments: Any, error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            scp.send(instance, ExplicitVRLittleEndian, **arguments)
        assert scp.received == []

    def test_class_that_was_not_accepted(self, scp: Archive, instance: Dataset) -> None:
        instance.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
        with pytest.raises(ValueError, match=r"MR Image Storage.*none was proposed"):
            scp.send(instance, ExplicitVRLittleEndian)
        with pytest.raises(ValueError, match="none was proposed"):
            scp.send(CT_FILE)

    def test_role_that_was_not_agreed(
        self, archive: Callable[..., Archive], instance: Dataset
    ) -> None:
        port = archive(scu=True, scp=True).port
        with association(port, [CT], ext_neg=[build_role(CT, scp_role=True)]) as assoc:
            for what in (instance, CT_FILE):
                with pytest.raises(ValueError, match="role of SCU was not agreed; propose the"):
                    assoc.send_c_store(what)

    def test_file_that_gets_shorter(self, scp: Archive, tmp_path: Path) -> None:
        """Part of it has left: nothing else may follow."""
        path = tmp_path / "shrinking.dcm"
        path.write_bytes(CT_FILE.read_bytes())
        ae = AE()
        ae.limits.output_length = 4096

        def cut(event: Any) -> None:
            if event.pdu.pdu_type == raw.P_DATA_TF:
                os.truncate(path, 8192)

        with association(
            scp.port, [(CT, ExplicitVRLittleEndian)], ae=ae, evt_handlers=[(evt.EVT_PDU_SENT, cut)]
        ) as assoc:
            with pytest.raises(OSError, match="became shorter"):
                assoc.send_c_store(path)
            assert assoc.is_aborted
        assert scp.received == []


class TestFilesSentUndecoded:
    """With STORE_SEND_CHUNKED_DATASET a file goes out as it is or not at all."""

    @pytest.fixture(autouse=True)
    def chunked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_config, "STORE_SEND_CHUNKED_DATASET", True)

    def test_other_syntax(self, archive: Callable[..., Archive]) -> None:
        scp = archive()
        with pytest.raises(ValueError, match="in 'Explicit VR Little Endian' as SCU"):
            scp.send(CT_FILE, ImplicitVRLittleEndian)
        # which does not concern data sets
        assert scp.send(dcmread(CT_FILE), ImplicitVRLittleEndian).Status == 0x0000

    @pytest.mark.parametrize(
        "keyword", ["MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID", "TransferSyntaxUID"]
    )
    def test_missing_meta_information(
        self,
        archive: Callable[..., Archive],
        tmp_path: Path,
        keyword: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        path = tmp_path / "incomplete.dcm"
        dataset = dcmread(CT_FILE)
        delattr(dataset.file_meta, keyword)
        dataset.save_as(path, implicit_vr=False, little_endian=True)
        scp = archive()
        with pytest.raises(AttributeError, match=rf"'incomplete\.dcm' has no {keyword}"):
            scp.send(path, ExplicitVRLittleEndian)
        # Otherwise it is decoded to see
        monkeypatch.setattr(_config, "STORE_SEND_CHUNKED_DATASET", False)
        if keyword == "TransferSyntaxUID":
            with pytest.raises(AttributeError, match=keyword):
                scp.send(path, ExplicitVRLittleEndian)
        else:
            assert scp.send(path, ExplicitVRLittleEndian).Status == 0x0000
            assert scp.received[0][0].AffectedSOPInstanceUID == dataset.SOPInstanceUID

    def test_no_data(
        self, archive: Callable[..., Archive], tmp_path: Path, instance: Dataset
    ) -> None:
        """A file may end with its file meta information."""
        path = tmp_path / "empty.dcm"
        instance.save_as(path, implicit_vr=False, little_endian=True, enforce_file_format=True)
        path.write_bytes(path.read_bytes()[: split_dataset(path)[1]])
        scp = archive()
        assert scp.send(path, ExplicitVRLittleEndian).Status == 0x0000
        assert scp.received[0][2] == b""
