"""A user of a printer with the older pynetdicom: ``print_scu.py PORT``.

It prints a film with two images, and writes a line of JSON for each answer.
"""

import json
import sys

from pydicom.dataset import Dataset

from pynetdicom import AE
from pynetdicom.sop_class import (
    BasicFilmBox,
    BasicFilmSession,
    BasicGrayscaleImageBox,
    BasicGrayscalePrintManagementMeta,
    Printer,
    PrinterInstance,
)

META = BasicGrayscalePrintManagementMeta
SESSION = "1.2.826.0.1.3680043.9.3811.9.2"
FILM = "1.2.826.0.1.3680043.9.3811.9.3"
FORMATS = {FILM: "STANDARD\\2,1", f"{FILM}.99": "SLIDE"}


def say(name, answer):
    status, found = answer if isinstance(answer, tuple) else (answer, None)
    if not status:
        sys.exit(f"no response to {name}")
    print(json.dumps([name, f"0x{status.Status:04x}", found.to_json_dict() if found else None]))
    return found


def image_of(number):
    image = Dataset()
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.Rows, image.Columns = 2, 3
    image.BitsAllocated = image.BitsStored = 8
    image.HighBit = 7
    image.PixelRepresentation = 0
    image.PixelData = bytes([number] * 6)
    box = Dataset()
    box.ImageBoxPosition = number
    box.BasicGrayscaleImageSequence = [image]
    return box


ae = AE("PRINT_SCU")
ae.dimse_timeout = 5  # it loses a response now and then
ae.add_requested_context(META)
assoc = ae.associate("127.0.0.1", int(sys.argv[1]), ae_title="PRINTER")
names = ["PrinterStatus", "PrinterName"]
say("printer", assoc.send_n_get(names, Printer, PrinterInstance, meta_uid=META))
session = Dataset()
session.NumberOfCopies = "1"
say("session", assoc.send_n_create(session, BasicFilmSession, SESSION, meta_uid=META))
for uid, display_format in FORMATS.items():
    film = Dataset()
    film.ImageDisplayFormat = display_format
    say("film", assoc.send_n_create(film, BasicFilmBox, uid, meta_uid=META))
say("empty", assoc.send_n_action(None, 1, BasicFilmBox, FILM, meta_uid=META))
for number in (1, 2, 3):
    target = BasicGrayscaleImageBox, f"{FILM}.{number}"
    say("image", assoc.send_n_set(image_of(number), *target, meta_uid=META))
say("print", assoc.send_n_action(None, 1, BasicFilmBox, FILM, meta_uid=META))
say("film", assoc.send_n_delete(BasicFilmBox, FILM, meta_uid=META))
say("session", assoc.send_n_delete(BasicFilmSession, SESSION, meta_uid=META))
assoc.release()
