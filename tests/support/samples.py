"""The DICOM files inside pydicom, and how our AEs send, save and compare them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pynetdicom import AE
from pynetdicom.apps.demo import Sample, find_samples
from pynetdicom.dsutils import split_dataset
from pynetdicom.sop_class import Verification
from tests.support.peers import HOST

SAMPLES: Sequence[Sample] = find_samples()[0]

LARGE = [sample for sample in SAMPLES if sample.path.stat().st_size > 250_000]
CT = next(sample for sample in SAMPLES if sample.path.name == "CT_small.dcm")


def instance_uid(path: Path) -> str:
    """Return the SOP Instance UID of a file."""
    return str(split_dataset(path)[0].MediaStorageSOPInstanceUID)


def data_set(path: Path) -> bytes:
    """Return the encoded data set of a file."""
    return path.read_bytes()[split_dataset(path)[1] :]


def take(folder: Path) -> dict[str, bytes]:
    """Return the encoded data sets of the files in a folder by SOP Instance UID; remove them."""
    found = {instance_uid(path): data_set(path) for path in folder.iterdir()}
    for path in folder.iterdir():
        path.unlink()
    return found


def expected(samples: Iterable[Sample]) -> dict[str, bytes]:
    """Return the encoded data sets of some samples by SOP Instance UID."""
    return {instance_uid(sample.path): sample.data_set() for sample in samples}


def batches(samples: Iterable[Sample]) -> list[list[Sample]]:
    """Return lists of samples, each of one transfer syntax and with no SOP instance twice."""
    found: defaultdict[str, list[dict[str, Sample]]] = defaultdict(list)
    for sample in samples:
        uid = instance_uid(sample.path)
        lists = found[sample.transfer_syntax]
        fitting = next((batch for batch in lists if uid not in batch), None)
        if fitting is None:
            fitting = {}
            lists.append(fitting)
        fitting[uid] = sample
    return [list(batch.values()) for lists in found.values() for batch in lists]


def contexts(samples: Iterable[Sample]) -> list[tuple[str, list[str]]]:
    """Return Verification and the SOP classes of some samples, each with its transfer syntaxes."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for sop_class, transfer_syntax in sorted({(s.sop_class, s.transfer_syntax) for s in samples}):
        found[sop_class].append(transfer_syntax)
    return [(Verification, ["1.2.840.10008.1.2"]), *found.items()]


def requesting_ae(samples: Iterable[Sample]) -> AE:
    """Return an AE that proposes each SOP class and transfer syntax of some samples."""
    ae = AE("TEST_SCU")
    for sop_class, transfer_syntaxes in contexts(samples):
        for transfer_syntax in transfer_syntaxes:
            ae.add_requested_context(sop_class, transfer_syntax)
    return ae


def store(port: int, samples: Sequence[Sample], **arguments: Any) -> list[int | None]:
    """Store some samples with one association and return the status of each."""
    assoc = requesting_ae(samples).associate(HOST, port, **arguments)
    assert assoc.is_established
    statuses = [
        assoc.send_c_store(sample.path, msg_id=number).get("Status")
        for number, sample in enumerate(samples, start=1)
    ]
    assoc.release()
    assert assoc.is_released
    return statuses
