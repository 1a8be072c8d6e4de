"""Watch peers: echo each of them so many times and tell which are up.

Usage: echo_monitor.py ROUNDS AE_TITLE@HOST:PORT...
"""

import sys

from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification


def parse_peer(text):
    title, _, address = text.partition("@")
    host, _, port = address.rpartition(":")
    return title, host, int(port)


def reason_of(assoc):
    if assoc.is_rejected:
        primitive = assoc.acceptor.primitive
        return f"{primitive.result_str}, {primitive.source_str}, {primitive.reason_str}"
    if assoc.is_aborted:
        return "no association"
    return "no answer"


class Monitor:
    def __init__(self):
        self.ae = AE(ae_title="MONITOR")
        self.ae.add_requested_context(Verification)
        self.ae.acse_timeout = 10
        self.ae.dimse_timeout = 10
        self.ae.network_timeout = 10
        self.accepted = 0

    def count(self, event):
        self.accepted += 1

    def check(self, title, host, port):
        """Return whether a peer is up, and what there is to say about it."""
        handlers = [(evt.EVT_ACCEPTED, self.count)]
        assoc = self.ae.associate(host, port, ae_title=title, evt_handlers=handlers)
        if not assoc.is_established:
            return False, reason_of(assoc)
        status = assoc.send_c_echo()
        assoc.release()
        if not status:
            return False, "no response"
        return status.Status == 0x0000, f"0x{status.Status:04x}"


def main():
    rounds = int(sys.argv[1])
    peers = [parse_peer(text) for text in sys.argv[2:]]
    monitor = Monitor()
    failures = 0
    for number in range(1, rounds + 1):
        for title, host, port in peers:
            is_up, told = monitor.check(title, host, port)
            failures += not is_up
            print(f"{number} {title} {'up' if is_up else 'down'} ({told})")
    print(f"{monitor.accepted} associations, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
