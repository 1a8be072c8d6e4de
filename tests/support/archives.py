"""What the tests of qrscp share: instances, queries, and an archive that is listening."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from pynetdicom import AE, Association, build_context, build_role
from pynetdicom.apps.qrscp.archive import Archive, path_of
from pynetdicom.apps.qrscp.attributes import read_rows
from pynetdicom.apps.qrscp.index import Index, Record
from pynetdicom.apps.qrscp.query import parse_find
from pynetdicom.apps.qrscp.scp import ArchiveSCP
from pynetdicom.apps.qrscp.settings import Destination
from pynetdicom.dsutils import decode, encode, file_head

ROOT = "1.2.826.0.1.3680043.9.3811.8"
PATIENT_FIND, PATIENT_MOVE, PATIENT_GET = (f"1.2.840.10008.5.1.4.1.2.1.{n}" for n in (1, 2, 3))
STUDY_FIND, STUDY_MOVE, STUDY_GET = (f"1.2.840.10008.5.1.4.1.2.2.{n}" for n in (1, 2, 3))
ONLY_FIND = "1.2.840.10008.5.1.4.1.2.3.1"
SUPPORTS_ALL = b"\1\1\1\1\1"


def study_uid(study: int) -> str:
    """Return the UID of the study with a number."""
    return f"{ROOT}.{study}"


def series_uid(study: int, series: int) -> str:
    """Return the UID of a series of a study."""
    return f"{study_uid(study)}.{series}"


def image_uid(study: int, series: int, number: int) -> str:
    """Return the UID of an instance of a series."""
    return f"{series_uid(study, series)}.{number}"


def put(data_set: Dataset, **elements: Any) -> Dataset:
    """Put elements into a data set, whatever their values are; None removes one."""
    for keyword, value in elements.items():
        tag = tag_for_keyword(keyword)
        assert tag is not None
        if value is None:
            del data_set[tag]
        else:
            vr = dictionary_VR(keyword)
            data_set[tag] = DataElement(tag, vr, value, validation_mode=IGNORE)
    return data_set


def image(study: int = 1, series: int = 1, number: int = 1, **elements: Any) -> Dataset:
    """Return a small CT image of a patient with one study, or as the elements say."""
    data_set = Dataset()
    put(
        data_set,
        SOPClassUID=CTImageStorage,
        SOPInstanceUID=image_uid(study, series, number),
        PatientID=f"P{study}",
        PatientName=f"Doe^John{study}",
        StudyInstanceUID=study_uid(study),
        SeriesInstanceUID=series_uid(study, series),
        Modality="CT",
        SeriesNumber=series,
        InstanceNumber=number,
    )
    put(data_set, **elements)
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return data_set


def received(data_set: Dataset) -> Dataset:
    """Return a data set as it is when it comes from a peer."""
    encoded = encode(data_set, False, True)
    assert encoded is not None
    return decode(BytesIO(encoded), False, True)


def write(data_set: Dataset, path: Path) -> None:
    """Write an instance to a file, whatever its UIDs are."""
    encoded = encode(data_set, False, True)
    assert encoded is not None
    sop_class, sop_instance = str(data_set.SOPClassUID), str(data_set.SOPInstanceUID)
    head = file_head(sop_class, sop_instance, ExplicitVRLittleEndian, ROOT, None)
    path.write_bytes(head + encoded)


def record(data_set: Dataset) -> Record:
    """Return what the index holds about an instance."""
    rows = read_rows(received(data_set), ExplicitVRLittleEndian)
    return Record(path_of(str(data_set.SOPInstanceUID)), rows)


def identifier(level: str, **keys: Any) -> Dataset:
    """Return the identifier of a query."""
    return put(Dataset(), QueryRetrieveLevel=level, **keys)


def search(
    index: Index,
    level: str,
    model: str = PATIENT_FIND,
    is_relational: bool = True,
    joins_times: bool = False,
    **keys: Any,
) -> list[Dataset]:
    """Query an index and return the answers."""
    asked = received(identifier(level, **keys))
    query = parse_find(asked, model, is_relational, joins_times)
    return [query.answer(row, "QRSCP") for row in index.rows(query.statement)]


class LiveArchive:
    """An archive that listens on a port of this host."""

    def __init__(
        self, folder: Path, url: str, destinations: Mapping[str, Destination] | None = None
    ) -> None:
        self.archive = Archive(folder, Index(url))
        self.ae = AE("QRSCP")
        self.ae.maximum_associations = 50
        self.destinations = dict(destinations or {})
        self.scp = ArchiveSCP(self.ae, self.archive, self.destinations)
        server = self.ae.start_server(
            ("127.0.0.1", 0), block=False, evt_handlers=self.scp.handlers()
        )
        self.port: int = server.server_address[1]

    def close(self) -> None:
        """Stop it."""
        self.scp.close()
        self.ae.shutdown()
        self.archive.close()

    @contextmanager
    def associated(
        self, *contexts: Any, negotiated: Sequence[Any] = (), **arguments: Any
    ) -> Iterator[Association]:
        """Associate with it: for CT images, and for the SOP classes that are given."""
        proposed = [build_context(CTImageStorage, ExplicitVRLittleEndian)]
        proposed += [
            build_context(*cx) if isinstance(cx, tuple) else build_context(cx) for cx in contexts
        ]
        role = build_role(CTImageStorage, scu_role=True, scp_role=True)
        assoc = AE("TEST_SCU").associate(
            "127.0.0.1", self.port, proposed, "QRSCP", ext_neg=[role, *negotiated], **arguments
        )
        assert assoc.is_established
        try:
            yield assoc
        finally:
            assoc.release()


def store(assoc: Association, *images: Dataset | Path) -> list[tuple[int | None, str]]:
    """Store instances; return the status of each, and the comment."""
    done = [assoc.send_c_store(each, msg_id=n) for n, each in enumerate(images, 1)]
    return [(status.get("Status"), status.get("ErrorComment", "")) for status in done]
