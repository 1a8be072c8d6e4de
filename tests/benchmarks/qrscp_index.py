"""The index of qrscp with 100,000 instances: how long it takes to build, and study queries.

``python -m tests.benchmarks.qrscp_index`` makes an SQLite index in a temporary folder, or uses the
empty database whose URL is given, and prints the median time of queries of different kinds: from
the identifier of the request to those of all responses.
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from time import perf_counter

from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage

import pynetdicom.__main__  # noqa: F401  makes pynetdicom.apps known in a bare checkout
from pynetdicom.apps.qrscp.attributes import IMAGE, read_rows
from pynetdicom.apps.qrscp.index import Index, Record
from pynetdicom.apps.qrscp.query import parse_find
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

ROOT = "1.2.826.0.1.3680043.9.3811.7"
SERIES_OF_STUDY, INSTANCES_OF_SERIES = 4, 25
NAMES = ("Meier", "Schmidt", "Dupont", "Jansen", "Novak", "Rossi", "Larsson", "Kowalski")
REPEATS = 50

RETURNED = """
    StudyDate StudyTime AccessionNumber PatientName PatientID PatientBirthDate PatientSex
    StudyInstanceUID StudyID StudyDescription ReferringPhysicianName ModalitiesInStudy
    NumberOfStudyRelatedSeries NumberOfStudyRelatedInstances
"""


def records(number: int) -> Iterator[Record]:
    """Yield what the index holds about so many instances."""
    dice = random.Random(1)
    for first in range(0, number, INSTANCES_OF_SERIES):
        series = first // INSTANCES_OF_SERIES
        study = series // SERIES_OF_STUDY
        modality = ("CT", "MR")[study % 2]
        data_set = Dataset()
        data_set.PatientID = f"P{study // 2:06}"
        data_set.PatientName = f"{NAMES[study // 2 % len(NAMES)]}^{study // 2:06}"
        data_set.PatientBirthDate = f"19{study % 100:02}0101"
        data_set.PatientSex = "FM"[study % 2]
        data_set.StudyInstanceUID = f"{ROOT}.1.{study}"
        day = dice.randrange(28 * 12 * 10)
        data_set.StudyDate = f"{2010 + day // 336}{day // 28 % 12 + 1:02}{day % 28 + 1:02}"
        data_set.StudyTime = f"{dice.randrange(24):02}{dice.randrange(60):02}00"
        data_set.AccessionNumber = f"A{study:07}"
        data_set.StudyID = str(study)
        data_set.StudyDescription = f"{modality} of something"
        data_set.ReferringPhysicianName = "Refers^Often"
        data_set.SeriesInstanceUID = f"{ROOT}.2.{series}"
        data_set.SeriesNumber = series % SERIES_OF_STUDY + 1
        data_set.Modality = modality
        data_set.SOPClassUID = CTImageStorage if modality == "CT" else MRImageStorage
        data_set.SOPInstanceUID = ROOT
        rows = read_rows(data_set, ExplicitVRLittleEndian)
        for instance in range(first, min(first + INSTANCES_OF_SERIES, number)):
            own = {
                **rows[IMAGE],
                "sop_instance_uid": f"{ROOT}.3.{instance}",
                "instance_number": instance - first + 1,
            }
            yield Record(f"{instance % 256:02x}/{instance}.dcm", {**rows, IMAGE: own})


QUERIES = {
    "by Study Instance UID": {"StudyInstanceUID": f"{ROOT}.1.500"},
    "by Accession Number": {"AccessionNumber": "A0000500"},
    "by Patient ID": {"PatientID": "P000250"},
    "by the beginning of a name": {"PatientName": "meier^00012*"},
    "by the middle of a name": {"PatientName": "*^00012*"},
    "by a month": {"StudyDate": "20150501-20150531"},
    "by a month and modality": {"StudyDate": "20150501-20150531", "ModalitiesInStudy": "MR"},
    "by a name, date and modality": {
        "PatientName": "SCHMIDT*",
        "StudyDate": "20150101-20151231",
        "ModalitiesInStudy": "CT",
    },
    "by nothing: all studies": {},
}


def ask(index: Index, keys: dict[str, str]) -> int:
    """Query for studies; return how many match."""
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    for keyword in RETURNED.split():
        setattr(identifier, keyword, keys.get(keyword, ""))
    query = parse_find(identifier, StudyRootQueryRetrieveInformationModelFind)
    return sum(1 for row in index.rows(query.statement) if query.answer(row, "QRSCP"))


@contextmanager
def database(url: str | None) -> Iterator[str]:
    """Give the URL of a database."""
    if url is not None:
        yield url
        return
    with TemporaryDirectory(prefix="pynetdicom-benchmark-") as folder:
        yield f"sqlite:///{folder}/index.sqlite"


def main(args: Sequence[str] | None = None) -> None:
    """Build the index and print the figures."""
    parser = argparse.ArgumentParser("qrscp_index", description=__doc__.partition("\n")[0])
    parser.add_argument("--instances", type=int, default=100_000)
    parser.add_argument("--database", help="URL of an empty database")
    options = parser.parse_args(args)
    with database(options.database) as url:
        index = Index(url)
        began = perf_counter()
        count = index.rebuild(records(options.instances))
        print(f"{count} instances indexed in {perf_counter() - began:.1f} s")
        for name, keys in QUERIES.items():
            times = []
            for _ in range(REPEATS if keys else 3):
                began = perf_counter()
                found = ask(index, keys)
                times.append(1000 * (perf_counter() - began))
            print(f"{name:<30} {found:>5} studies  median {statistics.median(times):8.2f} ms")
        index.close()


if __name__ == "__main__":
    main()
