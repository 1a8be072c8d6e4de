"""Verification and Storage with DCMTK, in both directions."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification
from tests.interop.conftest import Archive
from tests.support.certificates import write_certificates
from tests.support.peers import HOST, dcmtk_scu, dcmtk_storescp
from tests.support.samples import (
    CT,
    LARGE,
    SAMPLES,
    batches,
    expected,
    requesting_ae,
    store,
    take,
)

pytestmark = pytest.mark.interop

# The option that makes DCMTK's storescu propose a transfer syntax.
PROPOSE = {
    "1.2.840.10008.1.2": "-xi",
    "1.2.840.10008.1.2.1": "-xe",
    "1.2.840.10008.1.2.1.99": "-xd",
    "1.2.840.10008.1.2.2": "-xb",
    "1.2.840.10008.1.2.4.50": "-xy",
    "1.2.840.10008.1.2.4.51": "-xx",
    "1.2.840.10008.1.2.4.70": "-xs",
    "1.2.840.10008.1.2.4.80": "-xt",
    "1.2.840.10008.1.2.4.81": "-xu",
    "1.2.840.10008.1.2.4.90": "-xv",
    "1.2.840.10008.1.2.4.91": "-xw",
    "1.2.840.10008.1.2.5": "-xr",
}

# What DCMTK's storescu does not send: files it finds defective, two of a SOP class that its
# default contexts lack (Segmentation), and those without SOP UIDs in the data set.
NOT_SENT = {
    "MR_truncated.dcm",
    "SC_rgb_jpeg.dcm",
    "UN_sequence.dcm",
    "chrSQEncoding.dcm",
    "chrSQEncoding1.dcm",
    "liver_1frame.dcm",
    "liver_expb_1frame.dcm",
    "no_meta_group_length.dcm",
    "priv_SQ.dcm",
    "rtdose_rle.dcm",
    "rtdose_rle_1frame.dcm",
    "rtplan_truncated.dcm",
}

StartArchive = Callable[..., Archive]


class TestOurSCU:
    def test_echo_and_release(self, tmp_path: Path) -> None:
        ae = AE()
        ae.add_requested_context(Verification)
        with dcmtk_storescp(tmp_path / "peer") as peer:
            assoc = ae.associate(HOST, peer.port)
            assert assoc.is_established
            assert [assoc.send_c_echo(n).Status for n in range(1, 101)] == [0x0000] * 100
            assoc.release()
            assert assoc.is_released
            peer.wait_for_output("Association Release")

    def test_store_every_sample(self, tmp_path: Path) -> None:
        with dcmtk_storescp(tmp_path / "peer") as peer:
            for batch in batches(SAMPLES):
                assert store(peer.port, batch) == [0x0000] * len(batch)
                assert take(tmp_path / "peer" / "received") == expected(batch)

    @pytest.mark.parametrize("size", [4096, 16382, 131072])
    def test_peer_maximum_length(self, size: int, tmp_path: Path) -> None:
        with dcmtk_storescp(tmp_path / "peer", "-pdu", str(size)) as peer:
            assert store(peer.port, LARGE) == [0x0000] * len(LARGE)
        assert take(tmp_path / "peer" / "received") == expected(LARGE)

    def test_abort(self, tmp_path: Path) -> None:
        with dcmtk_storescp(tmp_path / "peer") as peer:
            assoc = requesting_ae([CT]).associate(HOST, peer.port)
            assert assoc.send_c_echo().Status == 0x0000
            assoc.abort()
            assert assoc.is_aborted
            peer.wait_for_output("Association Aborted")

    def test_rejected(self, tmp_path: Path) -> None:
        with dcmtk_storescp(tmp_path / "peer", "--refuse") as peer:
            assoc = requesting_ae([CT]).associate(HOST, peer.port)
        assert assoc.is_rejected
        answer = assoc.acceptor.primitive
        assert (answer.result, answer.result_source, answer.diagnostic) == (1, 1, 1)

    @pytest.mark.parametrize("option", ["--abort-after", "--abort-during"])
    def test_aborted(self, option: str, tmp_path: Path) -> None:
        with dcmtk_storescp(tmp_path / "peer", option) as peer:
            assoc = requesting_ae(LARGE).associate(HOST, peer.port)
            status = assoc.send_c_store(LARGE[0].path)
            assoc.join(10)
        assert not status
        assert assoc.is_aborted


class TestOurSCP:
    def test_echo_and_release(self, start_archive: StartArchive) -> None:
        archive = start_archive()
        done = dcmtk_scu("echoscu", archive.port, ["--repeat", "100"])
        assert done.status == 0, done.output
        assert done.output.count("Received Echo Response (Success)") == 100
        archive.expect("ESTABLISHED", "RELEASED")

    def test_store_every_sample(self, start_archive: StartArchive, tmp_path: Path) -> None:
        # DCMTK writes a data set anew when it sends it; what its own storescp gets from it,
        # and keeps bit for bit, is what ours has to have.
        archive = start_archive()
        sent = 0
        with dcmtk_storescp(tmp_path / "peer") as peer:
            for batch in batches(SAMPLES):
                options = [PROPOSE[batch[0].transfer_syntax], "-nh"]
                paths = [sample.path for sample in batch]
                reference = dcmtk_scu("storescu", peer.port, options, paths)
                done = dcmtk_scu("storescu", archive.port, options, paths)
                assert done.status == reference.status, done.output
                arrived = archive.take()
                assert arrived == take(tmp_path / "peer" / "received")
                sent += len(arrived)
        assert sent == len(SAMPLES) - len(NOT_SENT)

    @pytest.mark.parametrize("size", [4096, 16382, 131072, 0])
    def test_our_maximum_length(self, size: int, start_archive: StartArchive) -> None:
        archive = start_archive(maximum_pdu_size=size)
        for sample in LARGE:
            done = dcmtk_scu(
                "storescu",
                archive.port,
                [PROPOSE[sample.transfer_syntax], "--max-send-pdu", "131072"],
                [sample.path],
            )
            assert done.status == 0, done.output
            (data,) = archive.take().values()
            assert len(data) > 250_000

    def test_aborted(self, start_archive: StartArchive) -> None:
        archive = start_archive()
        done = dcmtk_scu("echoscu", archive.port, ["--abort"])
        assert done.status == 0, done.output
        archive.expect("ESTABLISHED", "ABORTED")

    def test_reject(self, start_archive: StartArchive) -> None:
        archive = start_archive(require_called_aet=True)
        done = dcmtk_scu("echoscu", archive.port, ["-aec", "SOMEBODY"])
        assert done.status == 1
        assert "Called AE Title Not Recognized" in done.output
        archive.expect("REJECTED")
        assert dcmtk_scu("echoscu", archive.port, ["-aec", "TEST_SCP"]).status == 0

    def test_abort(self, start_archive: StartArchive) -> None:
        def handle_store(event: evt.Event) -> int:
            event.assoc.abort()
            return 0x0000

        archive = start_archive([(evt.EVT_C_STORE, handle_store)])
        done = dcmtk_scu("storescu", archive.port, [], [CT.path])
        assert done.status != 0
        assert "Peer aborted Association" in done.output


class TestTLS:
    """Both sides have certificates, and verify those of the other side."""

    def options(self, folder: Path, name: str) -> list[str | Path]:
        """Return the options that make a program of DCMTK use TLS."""
        return ["+tls", folder / f"{name}.key", folder / f"{name}.pem", "+cf", folder / "ca.pem"]

    def test_our_scu(self, tmp_path: Path) -> None:
        write_certificates(tmp_path)
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        context.load_cert_chain(tmp_path / "client.pem", tmp_path / "client.key")
        options = self.options(tmp_path, "server")
        with dcmtk_storescp(tmp_path / "peer", *options) as peer:
            tls_args = (context, "localhost")
            assert store(peer.port, [CT, *LARGE], tls_args=tls_args) == [0x0000] * len([CT, *LARGE])
        assert take(tmp_path / "peer" / "received") == expected([CT, *LARGE])

    def test_our_scu_without_certificate(self, tmp_path: Path) -> None:
        write_certificates(tmp_path)
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        with dcmtk_storescp(tmp_path / "peer", *self.options(tmp_path, "server")) as peer:
            assoc = requesting_ae([CT]).associate(HOST, peer.port, tls_args=(context, "localhost"))
        assert assoc.is_aborted

    def test_our_scp(self, start_archive: StartArchive, tmp_path: Path) -> None:
        write_certificates(tmp_path)
        context = ssl.create_default_context(
            ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "ca.pem")
        )
        context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
        context.verify_mode = ssl.CERT_REQUIRED
        archive = start_archive(ssl_context=context)
        for sample in (CT, *LARGE):
            options = [PROPOSE[sample.transfer_syntax], *self.options(tmp_path, "client")]
            done = dcmtk_scu("storescu", archive.port, options, [sample.path])
            assert done.status == 0, done.output
            assert len(archive.take()) == 1
        done = dcmtk_scu("echoscu", archive.port)
        assert done.status != 0
        done = dcmtk_scu("echoscu", archive.port, self.options(tmp_path, "client"))
        assert done.status == 0, done.output
