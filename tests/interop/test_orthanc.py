"""Verification and Storage with Orthanc, in both directions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.tag import BaseTag

from tests.interop.conftest import Archive
from tests.support.peers import HOST, Orthanc, dcmtk_storescp, orthanc
from tests.support.samples import SAMPLES, batches, requesting_ae, store, take

pytestmark = pytest.mark.interop

# Files that Orthanc refuses: the SOP UIDs of their data set are missing or not those of the
# request, or what they lack makes them unfit for its index.
REFUSED = {
    "JPEGLSNearLossless_08.dcm",
    "JPEGLSNearLossless_16.dcm",
    "SC_rgb_jls_lossy_line.dcm",
    "SC_rgb_jls_lossy_sample.dcm",
    "UN_sequence.dcm",
    "badVR.dcm",
    "chrJapMulti.dcm",
    "chrJapMultiExplicitIR6.dcm",
    "chrSQEncoding.dcm",
    "chrSQEncoding1.dcm",
    "no_meta_group_length.dcm",
    "priv_SQ.dcm",
    "rtdose.dcm",
    "rtdose_1frame.dcm",
    "rtdose_expb.dcm",
    "rtdose_expb_1frame.dcm",
    "rtdose_rle.dcm",
    "rtdose_rle_1frame.dcm",
    "rtplan.dcm",
}
# Truncated files, which it waits for the rest of.
UNANSWERED = {"MR_truncated.dcm", "SC_rgb_jpeg.dcm", "rtplan_truncated.dcm"}


class TestOurSCU:
    def test_echo_and_release(self, tmp_path: Path) -> None:
        with orthanc(tmp_path, {}) as peer:
            assoc = requesting_ae([]).associate(HOST, peer.port)
            assert [assoc.send_c_echo(n).Status for n in range(1, 101)] == [0x0000] * 100
            assoc.release()
        assert assoc.is_released

    def test_abort(self, tmp_path: Path) -> None:
        with orthanc(tmp_path, {}) as peer:
            assoc = requesting_ae([]).associate(HOST, peer.port)
            assert assoc.send_c_echo().Status == 0x0000
            assoc.abort()
            assert assoc.is_aborted
            after = requesting_ae([]).associate(HOST, peer.port)
            assert after.send_c_echo().Status == 0x0000
            after.release()


class TestBothWays:
    def test_echo(self, start_archive: Callable[..., Archive], tmp_path: Path) -> None:
        archive = start_archive()
        with orthanc(tmp_path, {"ours": ("TEST_SCP", archive.port)}) as peer:
            assert json.loads(peer.request("/modalities/ours/echo", {})) == {}
        archive.expect("ESTABLISHED", "RELEASED")

    def test_store_every_sample(
        self, start_archive: Callable[..., Archive], tmp_path: Path
    ) -> None:
        # Orthanc writes data sets anew when it stores them and when it sends them. What it has
        # stored must mean the same as what we sent; and what we get from it must be what
        # DCMTK, which keeps it bit for bit, gets from it.
        archive = start_archive()
        sent = [sample for sample in SAMPLES if sample.path.name not in UNANSWERED]
        refused = []
        with ExitStack() as stack:
            reference = stack.enter_context(dcmtk_storescp(tmp_path / "reference"))
            targets = {"ours": archive.port, "reference": reference.port}
            peer = stack.enter_context(
                orthanc(tmp_path / "peer", {name: (name, port) for name, port in targets.items()})
            )
            for batch in batches(sent):
                statuses = store(peer.port, batch)
                taken = [s for s, status in zip(batch, statuses, strict=True) if status == 0]
                refused += [sample.path.name for sample in batch if sample not in taken]
                kept = {str(data.SOPInstanceUID): data for data in stored_by(peer)}
                assert len(kept) == len(taken)
                for sample in taken:
                    original = dcmread(sample.path)
                    assert content(kept[original.SOPInstanceUID]) == content(original)
                for name in targets if taken else ():
                    peer.request(f"/modalities/{name}/store", peer.instances())
                arrived = archive.take()
                assert len(arrived) == len(taken)
                assert arrived == take(tmp_path / "reference" / "received")
                for instance in peer.instances():
                    peer.request(f"/instances/{instance}", method="DELETE")
        assert set(refused) == REFUSED


def stored_by(peer: Orthanc) -> Iterator[Dataset]:
    """Yield what Orthanc has stored."""
    for instance in peer.instances():
        yield dcmread(BytesIO(peer.request(f"/instances/{instance}/file")))


def content(data: Dataset) -> dict[BaseTag, Any]:
    """Return the values of a data set, without the lengths of its groups."""
    return {element.tag: element.value for element in data if element.tag.element != 0}
