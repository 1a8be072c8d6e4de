"""Put the sample files of pydicom through our own archive, and compare what comes back.

Everything happens on this machine, in one process and a temporary folder: qrscp with an index in
SQLite, an SCU that echoes, stores each file in the transfer syntax it has, queries every level and
retrieves everything with C-GET and C-MOVE, and a storage SCP as the destination of the latter.
``python -m pynetdicom demo`` runs it; the exit code is 0 if every data set stayed as it was, bit
for bit.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any

import pydicom.data
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID, MediaStorageDirectoryStorage

from pynetdicom import AE, Association, build_role, evt
from pynetdicom.dsutils import split_dataset
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation
from pynetdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove,
    Verification,
)

from .common.exits import AppError, Exit
from .common.options import new_parser
from .common.output import Console, status_text
from .common.program import run
from .qrscp.qrscp import open_archive
from .qrscp.settings import Destination, Settings

if TYPE_CHECKING:
    from .qrscp.archive import Archive

SAMPLES = Path(pydicom.data.__file__).parent
ROW = "{:<32} {:<31} {:<26} {:>7} {:>8}  {}"
TITLE = "DEMO"
HOST = "127.0.0.1"

MODELS = (
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove,
)
# The levels with their unique keys (PS3.4 C.6.1.1)
LEVELS = {
    "PATIENT": "PatientID",
    "STUDY": "StudyInstanceUID",
    "SERIES": "SeriesInstanceUID",
    "IMAGE": "SOPInstanceUID",
}

_NUMBERS = count(1)


@dataclass
class Sample:
    """A DICOM file, what it holds, and where its data set begins."""

    path: Path
    sop_class: UID
    sop_instance: UID
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
        sop_class, sop_instance = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
        if sop_class == MediaStorageDirectoryStorage:
            raise ValueError("a directory of files on a medium, which C-STORE does not carry")
        return cls(path, sop_class, sop_instance, meta.TransferSyntaxUID, offset)

    def data_set(self) -> bytes:
        """Return the encoded data set."""
        encoded = self.path.read_bytes()[self.offset :]
        return encoded + bytes(len(encoded) % 2)  # an odd one is sent with a 00H at its end

    def fault(self) -> str:
        """Return why no archive can keep it as the instance that it is said to be, "" if it can."""
        keywords = ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID")
        found = dcmread(self.path, specific_tags=list(keywords))
        missing = [keyword for keyword in keywords if not found.get(keyword)]
        if missing:
            return f"no {missing[0]} in the data set"
        if (found.SOPClassUID, found.SOPInstanceUID) != (self.sop_class, self.sop_instance):
            return "the data set has other UIDs than the file meta information"
        return ""


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
    event.save_as(folder / f"{next(_NUMBERS)}.dcm")
    return 0x0000


# -- the network -----------------------------------------------------------------------------


@contextmanager
def network(
    archive: Archive, samples: Sequence[Sample], got: Path, moved: Path
) -> Iterator[Association]:
    """Give an association with the archive; what C-GET and C-MOVE bring is saved in the folders.

    Raises
    ------
    AppError
        There is no association.
    """
    from .qrscp.scp import ArchiveSCP  # noqa: PLC0415 - needs SQLAlchemy

    scu, destination, server = AE(TITLE), AE(TITLE), AE("QRSCP")
    scu.add_requested_context(Verification)
    for sop_class, transfer_syntax in sorted({(s.sop_class, s.transfer_syntax) for s in samples}):
        # One context for each transfer syntax, so that each file goes as it is
        scu.add_requested_context(sop_class, transfer_syntax)
        destination.add_supported_context(sop_class, transfer_syntax)
    items: list[Any] = [
        build_role(uid, scu_role=True, scp_role=True) for uid in {s.sop_class for s in samples}
    ]
    for model in MODELS:
        scu.add_requested_context(model)
        relational = SOPClassExtendedNegotiation()  # no keys of the levels above are needed then
        relational.sop_class_uid, relational.service_class_application_information = model, b"\1"
        items.append(relational)
    destinations: dict[str, Destination] = {}
    scp = ArchiveSCP(server, archive, destinations)
    try:
        receiving = destination.start_server(
            (HOST, 0), block=False, evt_handlers=[(evt.EVT_C_STORE, handle_store, [moved])]
        )
        destinations[TITLE] = Destination(HOST, receiving.server_address[1])
        listening = server.start_server((HOST, 0), block=False, evt_handlers=scp.handlers())
        port = listening.server_address[1]
        handlers = [(evt.EVT_C_STORE, handle_store, [got])]
        assoc = scu.associate(HOST, port, ext_neg=items, evt_handlers=handlers)
        if not assoc.is_established:
            raise AppError(Exit.LOCAL, f"no association with {HOST}:{port}")
        yield assoc
        assoc.release()
    finally:
        for ae in (scu, server, destination):
            ae.shutdown()
        scp.close()


def echo(assoc: Association, console: Console) -> bool:
    """Echo; return whether it was answered."""
    status: int | None = assoc.send_c_echo().get("Status")
    console.record("echoed", status=status_text(status))
    console.say(f"C-ECHO to {HOST}:{assoc.acceptor.port}: {status_text(status) or 'no response'}")
    return status == 0x0000


def store(assoc: Association, archive: Archive, sample: Sample) -> tuple[float, str]:
    """Store one sample; return the milliseconds it took and what became of it."""
    from .qrscp.archive import path_of  # noqa: PLC0415 - needs SQLAlchemy

    began = perf_counter()
    status = assoc.send_c_store(sample.path).get("Status")
    milliseconds = 1000 * (perf_counter() - began)
    if status == 0xA900 and sample.fault():
        return milliseconds, "refused"
    if status != 0x0000:
        return milliseconds, f"status {status_text(status)}" if status else "no response"
    kept = Sample.read(archive.folder / path_of(sample.sop_instance))
    same = kept.data_set() == sample.data_set()
    return milliseconds, "identical" if same else "DIFFERENT"


def store_all(
    assoc: Association, archive: Archive, samples: Sequence[Sample], console: Console
) -> dict[str, list[Sample]]:
    """Store the samples, print a row for each, and return them by what became of them."""
    console.say(ROW.format("file", "SOP class", "transfer syntax", "bytes", "ms", "result"))
    outcome: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        milliseconds, result = store(assoc, archive, sample)
        outcome[result].append(sample)
        name = sample.path.relative_to(SAMPLES).as_posix()
        row = {
            "sop_class": (sample.sop_class.keyword or sample.sop_class).removesuffix("Storage"),
            "transfer_syntax": sample.transfer_syntax.keyword or str(sample.transfer_syntax),
            "bytes": sample.path.stat().st_size - sample.offset,
            "ms": round(milliseconds, 2),
            "result": result,
        }
        console.record("stored", file=name, **row)
        console.say(ROW.format(sample.path.name[-32:], *row.values()))
        if not assoc.is_established:
            console.say("The association has ended.")
            break
    return outcome


def find(assoc: Association, level: str, uids: set[str], console: Console) -> list[str] | None:
    """Query a level for everything; return the unique keys, None if something is missing.

    At each level the matches have to stand for all the instances with `uids`.
    """
    key, number = LEVELS[level], f"NumberOf{level.title()}RelatedInstances"
    identifier = Dataset()
    identifier.QueryRetrieveLevel = level
    setattr(identifier, key, "")
    if level != "IMAGE":
        setattr(identifier, number, "")
    began = perf_counter()
    responses = list(assoc.send_c_find(identifier, MODELS[0]))
    milliseconds = 1000 * (perf_counter() - began)
    answers = [answer for _, answer in responses if answer is not None]
    keys = [str(answer.get(key) or "") for answer in answers]
    if level == "IMAGE":
        found = len(uids.intersection(keys))
    else:
        found = sum(int(answer.get(number) or 0) for answer in answers)
    is_all = responses[-1][0].get("Status") == 0x0000 and found == len(uids)
    is_all = is_all and (level != "IMAGE" or len(keys) == found)
    console.record("found", level=level, matches=len(keys), instances=found, complete=is_all)
    console.say(
        f"C-FIND {level:<8} {len(keys):>4} matches with {found} of {len(uids)} instances, "
        f"{milliseconds:.0f} ms: {'complete' if is_all else 'INCOMPLETE'}"
    )
    return keys if is_all else None


def retrieve(
    assoc: Association,
    verb: str,
    studies: Sequence[str],
    expected: Mapping[str, Sample],
    folder: Path,
    console: Console,
) -> bool:
    """Retrieve studies with C-GET or C-MOVE; return whether what it brought is as expected."""
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.StudyInstanceUID = list(studies)
    began = perf_counter()
    if verb == "C-GET":
        responses = assoc.send_c_get(identifier, MODELS[1])
    else:
        responses = assoc.send_c_move(identifier, TITLE, MODELS[2])
    *_, (status, _) = responses
    milliseconds = 1000 * (perf_counter() - began)
    received = [Sample.read(path) for path in folder.iterdir()]
    identical = {
        str(sample.sop_instance)
        for sample in received
        if sample.sop_instance in expected
        and sample.data_set() == expected[sample.sop_instance].data_set()
    }
    is_all = len(received) == len(identical) == len(expected) and status.get("Status") == 0x0000
    console.record(
        "retrieved",
        verb=verb,
        status=status_text(status.get("Status")),
        received=len(received),
        identical=len(identical),
    )
    console.say(
        f"{verb:<6} STUDY    {len(received):>4} instances, {len(identical)} of {len(expected)} "
        f"identical, {milliseconds:.0f} ms: {'complete' if is_all else 'INCOMPLETE'}"
    )
    return is_all


# -- the course of it ------------------------------------------------------------------------


def demonstrate(
    archive: Archive, samples: Sequence[Sample], folder: Path, console: Console
) -> bool:
    """Do everything once; return whether all of it worked."""
    got, moved = folder / "got", folder / "moved"
    got.mkdir()
    moved.mkdir()
    with network(archive, samples, got, moved) as assoc:
        if not echo(assoc, console):
            return False
        outcome = store_all(assoc, archive, samples, console)
        identical, refused = outcome["identical"], outcome["refused"]
        expected = {str(sample.sop_instance): sample for sample in identical}
        passed = len(identical) + len(refused) == len(samples)
        if assoc.is_established:
            found = {level: find(assoc, level, set(expected), console) for level in LEVELS}
            studies = found["STUDY"] or ()
            passed = passed and None not in found.values()
            for verb, brought in (("C-GET", got), ("C-MOVE", moved)):
                came = retrieve(assoc, verb, studies, expected, brought, console)
                passed = passed and came
    console.say(
        f"{len(identical)} of {len(samples)} data sets went into the archive bit for bit, "
        f"{len(identical) - len(expected)} of them in the place of one with the same SOP Instance "
        f"UID; {len(refused)} were refused."
    )
    reasons = defaultdict(list)
    for sample in refused:
        reasons[sample.fault()].append(sample.path.name)
    for reason, names in reasons.items():
        console.say(f"Refused with 0xA900, {reason}: {', '.join(names)}")
    return passed


def make_parser(args: Sequence[str] = ()) -> ArgumentParser:
    """Return the parser of the command line."""
    return new_parser("demo", "Put the sample files of pydicom through our archive and compare.")


def main(args: Sequence[str] | None = None) -> int:
    """Run the demonstration; return 0 if all went well, otherwise 1.

    Parameters
    ----------
    args : sequence of str, optional
        The arguments, those of the process by default.
    """
    return run("demo", make_parser, _work, args)


def _work(options: Namespace, console: Console) -> Exit:
    samples, left_out = find_samples()
    with TemporaryDirectory(prefix="pynetdicom-demo-") as name:
        folder = Path(name)
        index = f"sqlite:///{folder / 'index.sqlite'}"
        with open_archive(Settings(folder / "archive", index, False, {})) as archive:
            passed = demonstrate(archive, samples, folder, console)
    for reason, names in left_out.items():
        console.say(f"Not sent, {reason}: {', '.join(names)}")
    return Exit.SUCCESS if passed else Exit.LOCAL


if __name__ == "__main__":
    sys.exit(main())
