"""Forward what is stored to a destination, and pass queries and retrievals on to an archive.

Usage: router.py PORT DESTINATION_AE_TITLE DESTINATION_PORT ARCHIVE_AE_TITLE ARCHIVE_PORT
"""

import sys
from itertools import count

from pynetdicom import (
    AE,
    AllStoragePresentationContexts,
    QueryRetrievePresentationContexts,
    VerificationPresentationContexts,
    build_context,
    evt,
)

HOST = "127.0.0.1"
TITLE = "ROUTER"
PORT, DESTINATION, DESTINATION_PORT, ARCHIVE, ARCHIVE_PORT = sys.argv[1:]

ae = AE(ae_title=TITLE)
message_ids = count(1)
moved = {}  # what the archive sends for a retrieval, by the message ID of that


def forward(ds):
    context = build_context(ds.SOPClassUID, ds.file_meta.TransferSyntaxUID)
    assoc = ae.associate(HOST, int(DESTINATION_PORT), [context], ae_title=DESTINATION)
    if not assoc.is_established:
        return 0xA700
    status = assoc.send_c_store(ds)
    assoc.release()
    return status.Status if status else 0xA700


def associate_archive(model):
    assoc = ae.associate(HOST, int(ARCHIVE_PORT), [build_context(model)], ae_title=ARCHIVE)
    if not assoc.is_established:
        raise ConnectionError("the archive is down")
    return assoc


def retrieve(identifier, model):
    """Let the archive send here what was asked for."""
    assoc = associate_archive(model)
    msg_id = next(message_ids)
    moved[msg_id] = []
    statuses = [status for status, _ in assoc.send_c_move(identifier, TITLE, model, msg_id=msg_id)]
    assoc.release()
    instances = moved.pop(msg_id)
    if not statuses[-1] or statuses[-1].Status != 0x0000:
        raise ConnectionError("the archive can't send")
    return instances


def handle_store(event):
    ds = event.dataset
    ds.file_meta = event.file_meta
    if event.request.MoveOriginatorApplicationEntityTitle == TITLE:
        moved[event.request.MoveOriginatorMessageID].append(ds)
        return 0x0000
    status = forward(ds)
    print(f"C-STORE {ds.SOPInstanceUID} 0x{status:04x}", flush=True)
    return status


def handle_find(event):
    model = event.request.AffectedSOPClassUID
    assoc = associate_archive(model)
    matches = 0
    for status, identifier in assoc.send_c_find(event.identifier, model):
        if identifier is not None:
            matches += 1
            yield status.Status, identifier
    assoc.release()
    print(f"C-FIND {event.identifier.QueryRetrieveLevel} {matches} matches", flush=True)


def handle_move(event):
    level = event.identifier.QueryRetrieveLevel
    if event.move_destination != DESTINATION:
        print(f"C-MOVE {level} to unknown {event.move_destination}", flush=True)
        yield None, None
        return
    instances = retrieve(event.identifier, event.request.AffectedSOPClassUID)
    print(f"C-MOVE {level} {len(instances)} instances", flush=True)
    kinds = {(ds.SOPClassUID, ds.file_meta.TransferSyntaxUID) for ds in instances}
    contexts = [build_context(*kind) for kind in sorted(kinds)]
    yield HOST, int(DESTINATION_PORT), {"contexts": contexts}
    yield len(instances)
    for ds in instances:
        yield 0xFF00, ds


handlers = [
    (evt.EVT_C_STORE, handle_store),
    (evt.EVT_C_FIND, handle_find),
    (evt.EVT_C_MOVE, handle_move),
]
ae.supported_contexts = [
    *VerificationPresentationContexts,
    *QueryRetrievePresentationContexts,
    *AllStoragePresentationContexts,
]
ae.start_server((HOST, int(PORT)), block=True, evt_handlers=handlers)
