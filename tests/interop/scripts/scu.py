"""An SCU of the older pynetdicom: ``scu.py PORT [options] [FILE ...]``.

It echoes, stores the files bit for bit with their position as message ID, and prints what happened
as one line of JSON.
"""

import argparse
import json

from pydicom.filereader import read_file_meta_info

from pynetdicom import AE, _config

parser = argparse.ArgumentParser()
parser.add_argument("port", type=int)
parser.add_argument("files", nargs="*")
parser.add_argument("--max-pdu", type=int, default=16382)
parser.add_argument("--called", default="ANY-SCP")
parser.add_argument("--abort", action="store_true", help="end with an abort, not a release")
args = parser.parse_args()

_config.STORE_SEND_CHUNKED_DATASET = True

ae = AE("OLDER_SCU")
ae.add_requested_context("1.2.840.10008.1.1")
pairs = set()
for file in args.files:
    meta = read_file_meta_info(file)
    pairs.add((meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID))
for sop_class, transfer_syntax in sorted(pairs):
    ae.add_requested_context(sop_class, transfer_syntax)

report = {"echo": None, "stores": [], "rejected": None}
assoc = ae.associate("127.0.0.1", args.port, ae_title=args.called, max_pdu=args.max_pdu)
report["established"] = assoc.is_established
if assoc.is_established:
    report["peer_max_pdu"] = assoc.acceptor.maximum_length
    report["echo"] = assoc.send_c_echo().get("Status")
    for message_id, file in enumerate(args.files, start=1):
        status = assoc.send_c_store(file, msg_id=message_id) if assoc.is_established else {}
        report["stores"].append(status.get("Status"))
    if assoc.is_established:
        assoc.abort() if args.abort else assoc.release()
elif assoc.is_rejected:
    answer = assoc.acceptor.primitive
    report["rejected"] = [answer.result, answer.result_source, answer.diagnostic]
report["released"] = assoc.is_released
report["aborted"] = assoc.is_aborted
print(json.dumps(report))
