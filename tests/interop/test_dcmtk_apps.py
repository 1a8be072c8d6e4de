"""echoscu, storescu and storescp with their counterparts of DCMTK, in both roles."""

from __future__ import annotations

from pathlib import Path

import pytest

from pynetdicom.apps.common.exits import Exit
from tests.support.apps import run_app, running_app
from tests.support.certificates import write_certificates
from tests.support.peers import HOST, dcmtk_scu, dcmtk_storescp
from tests.support.samples import CT, LARGE, SAMPLES, expected, instance_uid, take

pytestmark = pytest.mark.interop


def ours(name: str) -> list[str]:
    """Return the options with which our applications use TLS, and verify the other side."""
    return ["--tls", "--tls-key", f"{name}.key", "--tls-cert", f"{name}.pem", "--tls-ca", "ca.pem"]


def theirs(folder: Path, name: str) -> list[str | Path]:
    """Return the same for DCMTK's."""
    return ["+tls", folder / f"{name}.key", folder / f"{name}.pem", "+cf", folder / "ca.pem"]


class TestOurSCU:
    def test_echo(self, tmp_path: Path) -> None:
        with dcmtk_storescp(tmp_path / "peer") as peer:
            where = ["echoscu", HOST, peer.port]
            assert run_app(*where, "--repeat", 10, "-ppc", 128, "-pts", 38).code == Exit.SUCCESS
            assert run_app(*where, "--abort").code == Exit.SUCCESS
            peer.wait_for_output("Association Aborted")

    def test_store_every_sample(self, tmp_path: Path) -> None:
        samples = {instance_uid(sample.path): sample for sample in SAMPLES}
        with dcmtk_storescp(tmp_path / "peer") as peer:
            paths = [sample.path for sample in samples.values()]
            done = run_app("storescu", HOST, peer.port, *paths, "--jobs", 1)
            assert done.code == Exit.SUCCESS, done.err
            received = take(tmp_path / "peer" / "received")
        assert received == expected(samples.values())

    def test_rejected(self, tmp_path: Path) -> None:
        with dcmtk_storescp(tmp_path / "peer", "--refuse") as peer:
            assert run_app("storescu", HOST, peer.port, CT.path).code == Exit.REJECTED

    @pytest.mark.parametrize("option", ["--abort-after", "--abort-during"])
    def test_aborted(self, option: str, tmp_path: Path) -> None:
        with dcmtk_storescp(tmp_path / "peer", option) as peer:
            done = run_app("storescu", HOST, peer.port, LARGE[0].path)
        assert done.code == Exit.ABORTED

    def test_tls(self, tmp_path: Path) -> None:
        write_certificates(tmp_path)
        with dcmtk_storescp(tmp_path / "peer", *theirs(tmp_path, "server")) as peer:
            where = [HOST, peer.port]
            done = run_app("storescu", *where, CT.path, *ours("client"), cwd=tmp_path)
            assert done.code == Exit.SUCCESS, done.err
            done = run_app("echoscu", *where, "--tls", "--tls-ca", "ca.pem", cwd=tmp_path)
            assert done.code == Exit.TLS
        assert take(tmp_path / "peer" / "received") == expected([CT])


class TestOurSCP:
    @pytest.mark.parametrize("app", ["echoscp", "storescp"])
    def test_echo(self, app: str, tmp_path: Path) -> None:
        with running_app(app, cwd=tmp_path) as scp:
            done = dcmtk_scu("echoscu", scp.port, ["--repeat", "10"])
            assert done.status == 0, done.output
            assert scp.stop().code == Exit.SUCCESS

    def test_store(self, tmp_path: Path) -> None:
        with running_app("storescp", "-od", tmp_path / "in", "-xe") as scp:
            with dcmtk_storescp(tmp_path / "peer", "+x=") as peer:
                for port in (peer.port, scp.port):
                    done = dcmtk_scu("storescu", port, ["-xe"], [CT.path])
                    assert done.status == 0, done.output
                reference = take(tmp_path / "peer" / "received")
            assert scp.next("instance")["status"] == "0x0000"
            assert scp.stop().code == Exit.SUCCESS
        assert take(tmp_path / "in") == reference

    @pytest.mark.parametrize("option", ["--abort-after", "--abort-during"])
    def test_aborts(self, option: str) -> None:
        with running_app("storescp", "--ignore", option) as scp:
            done = dcmtk_scu("storescu", scp.port, [], [CT.path])
            scp.stop()
        assert done.status != 0
        assert "Peer aborted Association" in done.output

    def test_tls(self, tmp_path: Path) -> None:
        write_certificates(tmp_path)
        with running_app("storescp", "-od", "in", *ours("server"), cwd=tmp_path) as scp:
            options = theirs(tmp_path, "client")
            done = dcmtk_scu("storescu", scp.port, options, [CT.path])
            assert done.status == 0, done.output
            assert dcmtk_scu("echoscu", scp.port).status != 0
            scp.stop()
        assert len(take(tmp_path / "in")) == 1

    def test_tls_of_an_archive(self, tmp_path: Path) -> None:
        """DCMTK's getscu and movescu of this version have no TLS."""
        write_certificates(tmp_path)
        places = ["--instance-location", "files", "--database-location", "index.sqlite"]
        with running_app("qrscp", *places, *ours("server"), cwd=tmp_path) as scp:
            options = [*theirs(tmp_path, "client"), "-aec", "QRSCP"]
            assert dcmtk_scu("echoscu", scp.port, options).status == 0
            done = dcmtk_scu("storescu", scp.port, options, [CT.path])
            assert done.status == 0, done.output
            query = ["-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID"]
            done = dcmtk_scu("findscu", scp.port, [*options, *query])
            assert done.output.count("0xff00: Pending") == 1
            assert dcmtk_scu("findscu", scp.port, query).status != 0
            assert scp.stop().code == Exit.SUCCESS
