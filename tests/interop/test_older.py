"""Verification and Storage with pynetdicom 3.0.4, in both directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pynetdicom import evt
from tests.interop.conftest import AGAIN_IF_OLDER_LOST, Archive
from tests.support.peers import HOST, OlderLostError, older_scp, older_scu
from tests.support.samples import CT, LARGE, SAMPLES, Sample, data_set, requesting_ae, store

pytestmark = [pytest.mark.interop, AGAIN_IF_OLDER_LOST]

# Version 3.0.4 encodes what it receives and sends anew; of the two data sets that are of odd
# length, one deflated and one truncated, that makes other bytes.
EVEN = [sample for sample in SAMPLES if len(data_set(sample.path)) % 2 == 0]

StartArchive = Callable[..., Archive]


class TestOurSCU:
    def test_echo_and_release(self, tmp_path: Path) -> None:
        with older_scp(tmp_path / "peer") as peer:
            assoc = requesting_ae([]).associate(HOST, peer.port)
            assert [assoc.send_c_echo(n).Status for n in range(1, 101)] == [0x0000] * 100
            assoc.release()
            assert assoc.is_released
            peer.wait_for_output("EVT_RELEASED")

    def test_store_every_sample(self, tmp_path: Path) -> None:
        with older_scp(tmp_path / "peer") as peer:
            assert store(peer.port, EVEN) == [0x0000] * len(EVEN)
        for number, sample in enumerate(EVEN, start=1):
            path = tmp_path / "peer" / "received" / f"{number}.dcm"
            assert data_set(path) == sample.data_set(), sample.path.name

    @pytest.mark.parametrize("size", [4096, 16382, 131072, 0])
    def test_peer_maximum_length(self, size: int, tmp_path: Path) -> None:
        with older_scp(tmp_path / "peer", "--max-pdu", str(size)) as peer:
            assert store(peer.port, LARGE) == [0x0000] * len(LARGE)
        for number, sample in enumerate(LARGE, start=1):
            path = tmp_path / "peer" / "received" / f"{number}.dcm"
            assert data_set(path) == sample.data_set(), sample.path.name

    def test_abort(self, tmp_path: Path) -> None:
        with older_scp(tmp_path / "peer") as peer:
            assoc = requesting_ae([]).associate(HOST, peer.port)
            assert assoc.send_c_echo().Status == 0x0000
            assoc.abort()
            assert assoc.is_aborted
            peer.wait_for_output("EVT_ABORTED")

    def test_rejected(self, tmp_path: Path) -> None:
        with older_scp(tmp_path / "peer", "--require-called") as peer:
            assoc = requesting_ae([]).associate(HOST, peer.port, ae_title="SOMEBODY")
        assert assoc.is_rejected
        answer = assoc.acceptor.primitive
        assert (answer.result, answer.result_source, answer.diagnostic) == (1, 1, 7)

    def test_aborted(self, tmp_path: Path) -> None:
        with older_scp(tmp_path / "peer", "--abort") as peer:
            assoc = requesting_ae([CT]).associate(HOST, peer.port)
            status = assoc.send_c_store(CT.path)
            assoc.join(10)
        assert not status
        assert assoc.is_aborted


def stored_by_older(
    start_archive: StartArchive, samples: Sequence[Sample], **settings: Any
) -> tuple[Archive, dict[str, Any]]:
    """Have the older version store instances; return where they are and what it reports."""
    archive = start_archive(**settings)
    report = older_scu(archive.port, *(sample.path for sample in samples))
    if None in report["stores"]:
        raise OlderLostError(report)
    assert report["stores"] == [0x0000] * len(samples)
    return archive, report


class TestOurSCP:
    def test_echo_and_release(self, start_archive: StartArchive) -> None:
        archive = start_archive()
        report = older_scu(archive.port)
        assert report["echo"] == 0x0000
        assert report["released"]
        archive.expect("ESTABLISHED", "RELEASED")

    def test_store_every_sample(self, start_archive: StartArchive) -> None:
        archive, _ = stored_by_older(start_archive, EVEN)
        for number, sample in enumerate(EVEN, start=1):
            path = archive.folder / f"{number}.dcm"
            assert data_set(path) == sample.data_set(), sample.path.name

    @pytest.mark.parametrize("size", [4096, 16382, 131072, 0])
    def test_our_maximum_length(self, size: int, start_archive: StartArchive) -> None:
        archive, report = stored_by_older(start_archive, LARGE, maximum_pdu_size=size)
        assert report["peer_max_pdu"] == size
        for number, sample in enumerate(LARGE, start=1):
            assert data_set(archive.folder / f"{number}.dcm") == sample.data_set()

    def test_aborted(self, start_archive: StartArchive) -> None:
        archive = start_archive()
        assert older_scu(archive.port, "--abort")["aborted"]
        archive.expect("ESTABLISHED", "ABORTED")

    def test_reject(self, start_archive: StartArchive) -> None:
        archive = start_archive(require_called_aet=True)
        assert older_scu(archive.port, "--called", "SOMEBODY")["rejected"] == [1, 1, 7]
        archive.expect("REJECTED")
        assert older_scu(archive.port, "--called", "TEST_SCP")["released"]

    def test_abort(self, start_archive: StartArchive) -> None:
        def handle_store(event: evt.Event) -> int:
            event.assoc.abort()
            return 0x0000

        archive = start_archive([(evt.EVT_C_STORE, handle_store)])
        report = older_scu(archive.port, CT.path)
        assert report["stores"] == [None]
        assert report["aborted"]
