"""Send the sample files of pydicom to our own storage SCP and compare what arrives.

Everything happens on this machine, in one process: an SCP on a free port that saves what it
receives to a temporary folder, and an SCU that echoes and then stores each file in the transfer
syntax it has. ``python -m pynetdicom demo`` runs it; the exit status is 0 if every data set came
back bit for bit.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import pydicom.data
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID, MediaStorageDirectoryStorage

from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.dsutils import split_dataset
from pynetdicom.sop_class import Verification

SAMPLES = Path(pydicom.data.__file__).parent
ROW = "{:<32} {:<31} {:<26} {:>7} {:>8}  {}"


@dataclass
class Sample:
    """A DICOM file, what it holds, and where its data set begins."""

    path: Path
    sop_class: UID
    transfer_syntax: UID
    offset: int

    @classmethod
    def read(cls, path: Path) -> Sample:
        """Read the file meta information; `ValueError` says why a file cannot be stored."""
        try:
            meta, offset = split_dataset(path)
        except InvalidDicomError:
            raise ValueError("not a DICOM file") from None
        for keyword in ("SOPClassUID", "SOPInstanceUID"):
            if not meta.get(f"MediaStorage{keyword}"):
                raise ValueError(f"no {keyword} in the file meta information")
        if not meta.get("TransferSyntaxUID"):
            raise ValueError("no TransferSyntaxUID in the file meta information")
        if meta.MediaStorageSOPClassUID == MediaStorageDirectoryStorage:
            raise ValueError("a directory of files on a medium, which C-STORE does not carry")
        return cls(path, meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID, offset)

    def data_set(self) -> bytes:
        """Return the encoded data set."""
        encoded = self.path.read_bytes()[self.offset :]
        return encoded + bytes(len(encoded) % 2)  # an odd one is sent with a 00H at its end


def find_samples() -> tuple[list[Sample], dict[str, list[str]]]:
    """Return the samples, and the names of the other files by the reason to leave them out."""
    samples = []
    left_out = defaultdict(list)
    for folder in ("test_files", "charset_files"):
        for path in sorted((SAMPLES / folder).rglob("*")):
            if not path.is_file() or path.suffix in (".py", ".pyc"):
                continue
            try:
                samples.append(Sample.read(path))
            except ValueError as reason:
                left_out[str(reason)].append(path.name)
    return samples, left_out


def handle_store(event: evt.Event, folder: Path) -> int:
    """Save the data set as it came, under a name that the peer has no say in."""
    event.save_as(folder / f"{event.message_id}.dcm")
    return 0x0000


def store(assoc: Association, sample: Sample, message_id: int, folder: Path) -> tuple[float, str]:
    """Store one sample; return the milliseconds it took and what became of it."""
    began = perf_counter()
    status = assoc.send_c_store(sample.path, msg_id=message_id)
    milliseconds = 1000 * (perf_counter() - began)
    if not status:
        return milliseconds, "no response"
    if status.Status != 0x0000:
        return milliseconds, f"status 0x{status.Status:04X}"
    received = Sample.read(folder / f"{message_id}.dcm")
    same = received.data_set() == sample.data_set()
    return milliseconds, "identical" if same else "DIFFERENT"


def store_all(assoc: Association, samples: Sequence[Sample], folder: Path) -> int:
    """Store the samples, print a row for each, and return how many came back identical."""
    print(ROW.format("file", "SOP class", "transfer syntax", "bytes", "ms", "result"))
    identical = 0
    for message_id, sample in enumerate(samples, start=1):
        milliseconds, result = store(assoc, sample, message_id, folder)
        identical += result == "identical"
        print(
            ROW.format(
                str(sample.path.relative_to(SAMPLES))[-32:],
                (sample.sop_class.keyword or sample.sop_class).removesuffix("Storage"),
                sample.transfer_syntax.keyword or sample.transfer_syntax,
                sample.path.stat().st_size - sample.offset,
                f"{milliseconds:.2f}",
                result,
            )
        )
        if not assoc.is_established:
            print("The association has ended.")
            break
    return identical


def run(samples: Sequence[Sample], folder: Path) -> bool:
    """Echo and store everything from one AE to another; return whether all of it worked."""
    scp, scu = AE("DEMO_SCP"), AE("DEMO_SCU")
    scp.add_supported_context(Verification)
    scu.add_requested_context(Verification)
    for sop_class, transfer_syntax in sorted({(s.sop_class, s.transfer_syntax) for s in samples}):
        scp.add_supported_context(sop_class, transfer_syntax)
        scu.add_requested_context(sop_class, transfer_syntax)

    handlers = [(evt.EVT_C_STORE, handle_store, [folder])]
    server = scp.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        host, port = server.server_address[:2]
        assoc = scu.associate(host, port)
        if not assoc.is_established:
            print(f"No association with {host}:{port}.")
            return False
        echo = assoc.send_c_echo()
        print(f"C-ECHO to {host}:{port}: " + (f"0x{echo.Status:04X}" if echo else "no response"))
        identical = store_all(assoc, samples, folder) if echo else 0
        assoc.release()
    finally:
        scp.shutdown()
    print(f"{identical} of {len(samples)} data sets came back bit for bit.")
    return identical == len(samples)


def main(args: Sequence[str] | None = None) -> int:
    """Run the demonstration; return 0 if all went well, otherwise 1."""
    description = "Store the sample files of pydicom and compare what arrives."
    argparse.ArgumentParser("python -m pynetdicom demo", description=description).parse_args(args)

    samples, left_out = find_samples()
    with TemporaryDirectory(prefix="pynetdicom-demo-") as folder:
        passed = run(samples, Path(folder))
    for reason, names in left_out.items():
        print(f"Not sent, {reason}: {', '.join(names)}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
