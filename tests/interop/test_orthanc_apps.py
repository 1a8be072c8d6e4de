"""The applications with Orthanc, in both roles, with TLS and without."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pynetdicom.apps.common.exits import Exit
from tests.support.apps import RunningApp, run_app, running_app
from tests.support.certificates import write_certificates
from tests.support.peers import HOST, PAUSE, Orthanc, orthanc
from tests.support.samples import CT, instance_uid, take

pytestmark = pytest.mark.interop

UID = instance_uid(CT.path)
STUDY = "1.3.6.1.4.1.5962.1.2.1.20040119072730.12322"
TLS_KINDS = pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "TLS"])


def ours(folder: Path, name: str, is_tls: bool) -> list[object]:
    """Return the options with which our applications use TLS, and verify the other side."""
    if not is_tls:
        return []
    files = ["--tls-key", folder / f"{name}.key", "--tls-cert", folder / f"{name}.pem"]
    return ["--tls", *files, "--tls-ca", folder / "ca.pem"]


@contextmanager
def archive(folder: Path, is_tls: bool, **modalities: Any) -> Iterator[Orthanc]:
    """Run Orthanc, which also speaks TLS, and verifies others, if it is to."""
    settings: dict[str, Any] = {}
    if is_tls:
        settings = {
            "DicomTlsEnabled": True,
            "DicomTlsCertificate": str(folder / "server.pem"),
            "DicomTlsPrivateKey": str(folder / "server.key"),
            "DicomTlsTrustedCertificates": str(folder / "ca.pem"),
        }
    with orthanc(folder / "orthanc", modalities, **settings) as peer:
        yield peer


def make_known(peer: Orthanc, title: str, scp: RunningApp, is_tls: bool = False) -> str:
    """Tell Orthanc where an application of ours is; return the path of its modality."""
    modality = {"AET": title, "Host": HOST, "Port": scp.port, "AllowStorageCommitment": True}
    peer.request(f"/modalities/{title}", {**modality, "UseDicomTls": is_tls}, "PUT")
    return f"/modalities/{title}"


@TLS_KINDS
def test_our_scus(is_tls: bool, tmp_path: Path) -> None:
    """Each that needs no address of its own there."""
    write_certificates(tmp_path)
    known = {title: (title, 1) for title in ("FINDSCU", "GETSCU")}
    with archive(tmp_path, is_tls, **known) as peer:
        where = [HOST, peer.port, "-aec", "ORTHANC", *ours(tmp_path, "client", is_tls)]
        assert run_app("echoscu", *where, "--repeat", 3).code == Exit.SUCCESS
        done = run_app("storescu", *where, CT.path, "--json")
        assert done.code == Exit.SUCCESS, done.err
        asked = ["-S", "-k", f"StudyInstanceUID={STUDY}", "--json", "-ll", "critical"]
        done = run_app("findscu", *where, *asked, "-k", "PatientName")
        assert done.code == Exit.SUCCESS, done.err
        (match,) = done.of("match")
        name = match["dataset"]["00100010"]["Value"]
        assert name == [{"Alphabetic": "CompressedSamples^CT1"}]
        done = run_app("getscu", *where, *asked, "-od", tmp_path / "got")
        assert done.code == Exit.SUCCESS, done.err
        if is_tls:  # and who shows no certificate gets nowhere
            done = run_app("echoscu", *where[:4], "--tls", "--tls-ca", tmp_path / "ca.pem")
            assert done.code == Exit.TLS
    assert list(take(tmp_path / "got")) == [UID]


@TLS_KINDS
def test_our_scps(is_tls: bool, tmp_path: Path) -> None:
    write_certificates(tmp_path)
    options = ours(tmp_path, "server", is_tls)
    with archive(tmp_path, is_tls) as peer:
        done = run_app("storescu", HOST, peer.port, CT.path, *ours(tmp_path, "client", is_tls))
        assert done.code == Exit.SUCCESS, done.err
        with running_app("echoscp", *options) as scp:
            modality = make_known(peer, "ECHOSCP", scp, is_tls)
            assert json.loads(peer.request(f"{modality}/echo", {})) == {}
            scp.next("echo")
            assert scp.stop().code == Exit.SUCCESS
        with running_app("storescp", "-od", tmp_path / "in", *options) as scp:
            modality = make_known(peer, "STORESCP", scp, is_tls)
            peer.request(f"{modality}/store", peer.instances())
            assert scp.next("instance")["status"] == "0x0000"
            assert scp.stop().code == Exit.SUCCESS
    assert list(take(tmp_path / "in")) == [UID]


def test_qrscp(tmp_path: Path) -> None:
    """It gets an instance from Orthanc, is queried, sends it back and commits itself."""
    with archive(tmp_path, False) as peer:
        destination = ["--destination", f"ORTHANC={HOST}:{peer.port}"]
        places = ["--instance-location", tmp_path / "files"]
        places += ["--database-location", tmp_path / "index.sqlite"]
        with running_app("qrscp", *destination, *places) as scp:
            modality = make_known(peer, "QRSCP", scp)
            assert run_app("storescu", HOST, peer.port, CT.path).code == Exit.SUCCESS
            peer.request(f"{modality}/store", peer.instances())
            asked = {"DicomInstances": [[CT.sop_class, UID]]}
            answer = json.loads(peer.request(f"{modality}/storage-commitment", asked))
            (instance,) = peer.instances()
            peer.request(f"/instances/{instance}", method="DELETE")
            asked = {"Level": "Study", "Query": {"StudyInstanceUID": STUDY}}
            path = json.loads(peer.request(f"{modality}/query", asked))["Path"]
            assert len(json.loads(peer.request(f"{path}/answers"))) == 1
            peer.request(f"{path}/retrieve", {"TargetAet": "ORTHANC", "Synchronous": True})
            assert peer.instances() == [instance]
            report = json.loads(peer.request(answer["Path"]))
            while report["Status"] == "Pending":
                assert not peer.server.ended(PAUSE)
                report = json.loads(peer.request(answer["Path"]))
            assert (report["Status"], report["Failures"]) == ("Success", [])
            assert scp.stop().code == Exit.SUCCESS
