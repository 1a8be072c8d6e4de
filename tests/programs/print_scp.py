"""Print to files: a printer for grayscale films, each image box of which becomes a raw file.

Usage: print_scp.py PORT FOLDER
"""

import sys
from pathlib import Path

from pydicom.dataset import Dataset

from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    BasicFilmBox,
    BasicGrayscaleImageBox,
    BasicGrayscalePrintManagementMeta,
    Printer,
)

PORT, FOLDER = int(sys.argv[1]), Path(sys.argv[2])

films = {}  # the image boxes of each film box, by the UID of that
boxes = {}  # what was set for each image box


def say(event, text):
    print(f"{event.event.name[4:]} {text}", flush=True)


def create_film(uid, film):
    columns, rows = film.ImageDisplayFormat.split("\\")[1].split(",")
    films[uid] = [f"{uid}.{number + 1}" for number in range(int(columns) * int(rows))]
    film.ReferencedImageBoxSequence = []
    for box in films[uid]:
        item = Dataset()
        item.ReferencedSOPClassUID = BasicGrayscaleImageBox
        item.ReferencedSOPInstanceUID = box
        film.ReferencedImageBoxSequence.append(item)
        boxes[box] = None


def handle_create(event):
    kind, uid = event.request.AffectedSOPClassUID, event.request.AffectedSOPInstanceUID
    created = event.attribute_list
    if kind == BasicFilmBox:
        if not created.ImageDisplayFormat.startswith("STANDARD\\"):
            return 0x0106, None
        create_film(uid, created)
    say(event, f"{uid} {kind.name}")
    return 0x0000, created


def handle_set(event):
    uid = event.request.RequestedSOPInstanceUID
    if uid not in boxes:
        return 0x0112, None
    boxes[uid] = event.modification_list.BasicGrayscaleImageSequence[0]
    say(event, f"{uid} {boxes[uid].Rows} x {boxes[uid].Columns}")
    return 0x0000, None


def handle_action(event):
    uid = event.request.RequestedSOPInstanceUID
    images = [boxes[box] for box in films.get(uid, []) if boxes[box]]
    if not images:
        return 0xB603, None
    for number, image in enumerate(images, start=1):
        (FOLDER / f"{uid}.{number}.raw").write_bytes(image.PixelData)
    say(event, f"{uid} {len(images)} images")
    return 0x0000, None


def handle_delete(event):
    uid = event.request.RequestedSOPInstanceUID
    for box in films.pop(uid, []):
        del boxes[box]
    say(event, uid)
    return 0x0000


def handle_get(event):
    printer = Dataset()
    printer.PrinterStatus = "NORMAL"
    printer.PrinterName = "FILES"
    say(event, f"{len(event.attribute_identifiers)} attributes of {Printer.name}")
    return 0x0000, printer


handlers = [
    (evt.EVT_N_CREATE, handle_create),
    (evt.EVT_N_SET, handle_set),
    (evt.EVT_N_ACTION, handle_action),
    (evt.EVT_N_DELETE, handle_delete),
    (evt.EVT_N_GET, handle_get),
]
ae = AE(ae_title="PRINTER")
ae.add_supported_context(BasicGrayscalePrintManagementMeta)
ae.start_server(("127.0.0.1", PORT), block=True, evt_handlers=handlers)
