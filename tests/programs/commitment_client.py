"""Store files, ask for storage commitment, and wait for the archive's report.

Usage: commitment_client.py OWN_PORT ARCHIVE_AE_TITLE ARCHIVE_PORT FILE...
"""

import sys
import threading

from pydicom import dcmread
from pydicom.dataset import Dataset

from pynetdicom import AE, build_context, evt
from pynetdicom.sop_class import (
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
)

HOST = "127.0.0.1"
TRANSACTION = "1.2.826.0.1.3680043.9.3811.9.1"

reports = {}
released = threading.Event()


def handle_report(event):
    information = event.event_information
    reports[information.TransactionUID] = event.event_type, information
    return 0x0000, None


def handle_released(event):
    released.set()


def reference(ds):
    item = Dataset()
    item.ReferencedSOPClassUID = ds.SOPClassUID
    item.ReferencedSOPInstanceUID = ds.SOPInstanceUID
    return item


def main():
    own_port, archive, archive_port = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    instances = [dcmread(path) for path in sys.argv[4:]]

    ae = AE(ae_title="MODALITY")
    ae.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)
    handlers = [(evt.EVT_N_EVENT_REPORT, handle_report), (evt.EVT_RELEASED, handle_released)]
    server = ae.start_server((HOST, own_port), block=False, evt_handlers=handlers)

    kinds = {(ds.SOPClassUID, ds.file_meta.TransferSyntaxUID) for ds in instances}
    contexts = [build_context(*kind) for kind in sorted(kinds)]
    contexts.append(build_context(StorageCommitmentPushModel))
    assoc = ae.associate(HOST, archive_port, contexts, ae_title=archive)
    if not assoc.is_established:
        sys.exit("the archive is down")
    for ds in instances:
        print(f"stored {ds.SOPInstanceUID} 0x{assoc.send_c_store(ds).Status:04x}")

    request = Dataset()
    request.TransactionUID = TRANSACTION
    request.ReferencedSOPSequence = [reference(ds) for ds in instances]
    status, _ = assoc.send_n_action(
        request, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
    )
    print(f"requested 0x{status.Status:04x}")
    assoc.release()

    released.wait(30)
    server.shutdown()
    if TRANSACTION not in reports:
        sys.exit("no report has come")
    event_type, report = reports[TRANSACTION]
    print(f"report of type {event_type}")
    for item in report.get("ReferencedSOPSequence", []):
        print(f"safe {item.ReferencedSOPInstanceUID}")
    for item in report.get("FailedSOPSequence", []):
        print(f"lost {item.ReferencedSOPInstanceUID} 0x{item.FailureReason:04x}")
    return 0 if event_type == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
