"""An SCP of the older pynetdicom: ``scp.py PORT FOLDER [options]``.

It writes each data set it gets to FOLDER, as it came and under its message ID, and a line for each
turn an association takes to standard output.
"""

import argparse
from pathlib import Path

from pynetdicom import (
    AE,
    ALL_TRANSFER_SYNTAXES,
    AllStoragePresentationContexts,
    evt,
)

parser = argparse.ArgumentParser()
parser.add_argument("port", type=int)
parser.add_argument("folder", type=Path)
parser.add_argument("--max-pdu", type=int, default=16382)
parser.add_argument("--require-called", action="store_true")
parser.add_argument("--abort", action="store_true", help="abort when asked to store")
args = parser.parse_args()


def handle_store(event):
    if args.abort:
        event.assoc.abort()
        return 0x0000
    path = args.folder / f"{event.message_id}.dcm"
    path.write_bytes(event.encoded_dataset())
    return 0x0000


def note(event):
    print(event.event.name, flush=True)


ae = AE("OLDER_SCP")
ae.maximum_pdu_size = args.max_pdu
ae.require_called_aet = args.require_called
ae.add_supported_context("1.2.840.10008.1.1")
for context in AllStoragePresentationContexts:
    ae.add_supported_context(context.abstract_syntax, ALL_TRANSFER_SYNTAXES)
handlers = [(evt.EVT_C_STORE, handle_store)]
turns = (evt.EVT_ESTABLISHED, evt.EVT_RELEASED, evt.EVT_ABORTED, evt.EVT_REJECTED)
handlers += [(turn, note) for turn in turns]
ae.start_server(("127.0.0.1", args.port), block=True, evt_handlers=handlers)
