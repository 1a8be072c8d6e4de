"""Serve a modality worklist from a file with a list of data sets in DICOM's JSON model.

Usage: worklist_server.py PORT FILE
"""

import json
import sys
from fnmatch import fnmatchcase
from pathlib import Path

from pydicom.dataset import Dataset

from pynetdicom import AE, evt
from pynetdicom.sop_class import ModalityWorklistInformationFind, Verification


def is_match(wanted, value):
    """Compare a key with a value: a range of dates, wild cards, or the same."""
    wanted, value = str(wanted), str(value)
    if "-" in wanted and wanted.replace("-", "").isdigit():
        first, _, last = wanted.partition("-")
        return first <= value <= (last or "99999999")
    return fnmatchcase(value, wanted)


def select(query, item):
    """Return what a query asks for of an item, or None if the item does not match."""
    answer = Dataset()
    for element in query:
        name = element.keyword
        if element.VR == "SQ":
            keys = element.value[0] if element.value else Dataset()
            found = [select(keys, part) for part in item.get(name, [])]
            found = [part for part in found if part is not None]
            if not found:
                return None
            setattr(answer, name, found)
        elif name == "SpecificCharacterSet":
            continue
        elif element.value and not is_match(element.value, item.get(name, "")):
            return None
        else:
            setattr(answer, name, item.get(name, ""))
    return answer


def handle_find(event, items):
    query = event.identifier
    matches = 0
    for item in items:
        if event.is_cancelled:
            print(f"cancelled after {matches}", flush=True)
            yield 0xFE00, None
            return
        answer = select(query, item)
        if answer is not None:
            matches += 1
            answer.SpecificCharacterSet = item.SpecificCharacterSet
            yield 0xFF00, answer
    calling = event.assoc.requestor.ae_title
    print(f"{calling}: {matches} of {len(items)} items", flush=True)


def main():
    port, path = int(sys.argv[1]), Path(sys.argv[2])
    items = [Dataset.from_json(item) for item in json.loads(path.read_text("utf-8"))]
    ae = AE(ae_title="WORKLIST")
    ae.require_called_aet = True
    ae.add_supported_context(ModalityWorklistInformationFind)
    ae.add_supported_context(Verification)
    handlers = [(evt.EVT_C_FIND, handle_find, [items])]
    ae.start_server(("127.0.0.1", port), block=True, evt_handlers=handlers)


if __name__ == "__main__":
    main()
