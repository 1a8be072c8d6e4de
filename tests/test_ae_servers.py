"""The servers of an application entity, and associations with them over every kind of address."""

from __future__ import annotations

import errno
import ssl
import threading
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import pytest
from pydicom.dataset import Dataset

from pynetdicom import AE, Association, _config, build_context, evt
from pynetdicom.sop_class import Verification
from pynetdicom.transport import AssociationServer, ThreadedAssociationServer
from tests.support import raw, sockets
from tests.support.associations import CT, ECHO, EventLog, association, join, port_of, proposal
from tests.support.peers import reserve_port
from tests.support.raw import HOST, PATIENCE
from tests.support.tls import Contexts, client_context, server_context
from tests.support.watch import complaints

LOCAL = (HOST, 0)


@pytest.fixture
def ae() -> Iterator[AE]:
    ae = AE("SERVING")
    ae.add_supported_context(ECHO)
    ae.add_requested_context(ECHO)
    yield ae
    ae.shutdown()


def echoes(addr: Any, port: int, **arguments: Any) -> bool:
    """Return whether somebody answers an echo."""
    ae = AE()
    ae.add_requested_context(ECHO)
    assoc = ae.associate(addr, port, **arguments)
    try:
        return assoc.is_established and assoc.send_c_echo().Status == 0x0000
    finally:
        assoc.release()
        join(assoc)


class TestMakeServer:
    def test_what_it_has(self, ae: AE, tls: Contexts) -> None:
        def handler(event: Any) -> None:
            pass

        contexts = [build_context(CT)]
        with ae.make_server(
            LOCAL, "TITLE", contexts, tls.server, [(evt.EVT_CONN_OPEN, handler)]
        ) as server:
            assert type(server) is AssociationServer
            assert server.ae is ae
            assert server.ae_title == "TITLE"
            assert server.contexts == contexts
            assert server.ssl_context is tls.server
            assert server.server_address[0] == HOST
            assert server.server_address[1] > 0
            assert server.active_associations == []
            assert server.get_handlers(evt.EVT_CONN_OPEN) == [(handler, None)]
            assert evt.EVT_CONN_OPEN in server.get_events()
            # and has not been started, nor is it the AE's to stop
            ae.shutdown()
            with raw.connect(port_of(server)):
                pass

    def test_what_is_left_out_is_the_aes(self, ae: AE) -> None:
        with ae.make_server(LOCAL, "") as server:
            assert server.ae_title == "SERVING"
            assert server.contexts == ae.supported_contexts
            assert server.ssl_context is None

    def test_other_class(self, ae: AE) -> None:
        class Server(AssociationServer):
            def __init__(self, *args: Any, colour: str, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                self.colour = colour

        with ae.make_server(LOCAL, server_class=Server, colour="red") as server:
            assert isinstance(server, Server)
            assert server.colour == "red"
        with pytest.raises(TypeError, match="colour"):
            ae.make_server(LOCAL, colour="red")

    def test_serve_forever(self, ae: AE) -> None:
        with ae.make_server(LOCAL) as server:
            serving = sockets.Background(server.serve_forever)
            assert echoes(HOST, port_of(server))
            server.shutdown()
            serving.result()

    def test_no_contexts(self, ae: AE, monkeypatch: pytest.MonkeyPatch) -> None:
        ae.supported_contexts = []
        for start in (ae.make_server, ae.start_server):
            with pytest.raises(ValueError, match="add_supported_context"):
                start(LOCAL)
        monkeypatch.setattr(_config, "UNRESTRICTED_STORAGE_SERVICE", True)
        with ae.make_server(LOCAL) as server:
            assert server.contexts == []

    @pytest.mark.parametrize(("scu", "scp"), [(True, None), (None, False)])
    def test_one_role_without_the_other(self, ae: AE, scu: bool | None, scp: bool | None) -> None:
        ae.add_supported_context(CT, scu_role=scu, scp_role=scp)
        with pytest.raises(ValueError, match=f"both roles or none.*{CT}"):
            ae.make_server(LOCAL)

    def test_address_in_use(self, ae: AE) -> None:
        port = port_of(ae.start_server(LOCAL, block=False))
        for start in (ae.make_server, ae.start_server):
            with pytest.raises(OSError, match=f"127.0.0.1:{port}"):
                start((HOST, port))

    def test_address_of_somebody_else(self, ae: AE) -> None:
        with pytest.raises(OSError, match=r"192\.0\.2\.1"):
            ae.start_server(("192.0.2.1", 0))

    @pytest.mark.parametrize("address", [HOST, (HOST,), None])
    def test_no_address(self, ae: AE, address: Any) -> None:
        with pytest.raises(TypeError, match="address"):
            ae.make_server(address)


class TestStartServer:
    def test_in_a_thread_of_its_own(self, ae: AE) -> None:
        server = ae.start_server(LOCAL, block=False)
        assert type(server) is ThreadedAssociationServer
        thread = next(t for t in threading.enumerate() if t.name.startswith("AcceptorServer@"))
        assert thread.daemon
        assert echoes(HOST, port_of(server))

    def test_in_this_thread(self, ae: AE) -> None:
        made: SimpleQueue[Any] = SimpleQueue()
        make = ae.make_server

        def make_server(*args: Any) -> Any:
            server = make(*args)
            made.put(server)
            return server

        ae.make_server = make_server  # type: ignore[method-assign]
        serving = sockets.Background(ae.start_server, LOCAL)
        assert echoes(HOST, port_of(made.get(timeout=PATIENCE)))
        ae.shutdown()
        assert serving.result() is None

    def test_ctrl_c(self, ae: AE, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(server: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(ThreadedAssociationServer, "service_actions", interrupted)
        monkeypatch.setattr(
            ThreadedAssociationServer,
            "serve_forever",
            lambda server: server.service_actions(),
        )
        other = ae.make_server(LOCAL)
        ae._servers.append(other)
        assert ae.start_server(LOCAL) is None  # type: ignore[func-returns-value]
        assert ae._servers == []
        assert other.socket.fileno() == -1

    def test_that_cannot_be_started(self, ae: AE, monkeypatch: pytest.MonkeyPatch) -> None:
        servers: list[Any] = []

        def fail(server: Any) -> None:
            servers.append(server)
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(ThreadedAssociationServer, "start", fail)
        with pytest.raises(RuntimeError, match="new thread"):
            ae.start_server(LOCAL, block=False)
        assert servers[0].is_closed

    def test_several(self, ae: AE) -> None:
        """Each has its AE title and its contexts, all have the settings of the AE."""
        ae.require_called_aet = True
        servers = [
            ae.start_server(LOCAL, block=False, ae_title="ONE"),
            ae.start_server(LOCAL, block=False, ae_title="TWO", contexts=proposal([CT])),
            ae.start_server(LOCAL, block=False),
        ]
        for server, title in zip(servers, ("ONE", "TWO", "SERVING"), strict=True):
            for called in ("ONE", "TWO", "SERVING"):
                with association(port_of(server), [ECHO, CT], ae_title=called) as assoc:
                    assert assoc.is_established is (called == title)
                    assert assoc.is_rejected is (called != title)
                    if called == title:
                        (context,) = assoc.accepted_contexts
                        assert context.abstract_syntax == (CT if title == "TWO" else ECHO)

    def test_from_the_parts_of_call(self, ae: AE) -> None:
        port = port_of(ae.start_server(LOCAL, block=False))
        call: Any = {"addr": HOST, "port": port, "ae_title": "SERVING"}
        assoc = ae.associate(**call)
        assert assoc.is_established
        assoc.release()
        join(assoc)


class TestShutdown:
    def test_nothing_to_shut_down(self) -> None:
        ae = AE()
        ae.shutdown()
        ae.shutdown()

    def test_everything_ends(self, ae: AE) -> None:
        log = EventLog("ESTABLISHED ABORTED CONN_CLOSE")
        servers = [ae.start_server(LOCAL, block=False, evt_handlers=log.bindings) for _ in "ab"]
        there = [AE("THERE").associate(HOST, port_of(s), proposal([ECHO])) for s in servers]
        here = ae.associate(HOST, port_of(servers[0]))
        log.wait_for("ESTABLISHED", 3)
        acceptances = [event.assoc for event in log.events]
        assert set(ae.active_associations) == {here, *acceptances}
        assert len(servers[0].active_associations) == 2
        ae.shutdown()
        assert ae.active_associations == []
        assert here.is_aborted
        assert not here.is_established
        assert all(assoc.is_aborted and not assoc.is_alive() for assoc in acceptances)
        join(*there)
        assert all(assoc.is_aborted for assoc in there)
        assert [len(log.all(name)) for name in ("ABORTED", "CONN_CLOSE")] == [3, 3]
        for server in servers:
            assert server.active_associations == []
            with pytest.raises(ConnectionRefusedError):
                raw.connect(port_of(server))
        ae.shutdown()

    def test_port_is_free_again(self, ae: AE) -> None:
        port = port_of(ae.start_server(LOCAL, block=False))
        assert echoes(HOST, port)
        ae.shutdown()
        ae.start_server((HOST, port), block=False)
        assert echoes(HOST, port)

    def test_by_a_handler(self, ae: AE) -> None:
        log = EventLog("ABORTED")
        done = threading.Event()

        def shutdown(event: Any) -> int:
            event.assoc.ae.shutdown()
            done.set()
            return 0x0000

        handlers = [(evt.EVT_C_ECHO, shutdown), *log.bindings]
        port = port_of(ae.start_server(LOCAL, block=False, evt_handlers=handlers))
        with association(port) as assoc:
            assert assoc.send_c_echo() == Dataset()
            join(assoc)
            assert assoc.is_aborted
        assert done.wait(PATIENCE)
        join(log.wait_for("ABORTED").assoc)

    def test_does_not_wait_for_a_handler_that_goes_on(
        self, ae: AE, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pynetdicom.ae.SHUTDOWN_PATIENCE", 0.01)
        begun, go_on = threading.Event(), threading.Event()

        def handler(event: Any) -> int:
            begun.set()
            go_on.wait(PATIENCE)
            return 0x0000

        log = EventLog("ESTABLISHED")
        handlers = [(evt.EVT_C_ECHO, handler), *log.bindings]
        port = port_of(ae.start_server(LOCAL, block=False, evt_handlers=handlers))
        with association(port) as assoc:
            echo = sockets.Background(assoc.send_c_echo)
            assert begun.wait(PATIENCE)
            ae.shutdown()
            acceptance = log.wait_for("ESTABLISHED").assoc
            assert acceptance.is_alive()
            assert echo.result() == Dataset()
            go_on.set()
            join(acceptance)

    def test_of_one_server(self, ae: AE) -> None:
        """It accepts no more, but its associations go on."""
        server = ae.start_server(LOCAL, block=False)
        with association(port_of(server)) as assoc:
            server.shutdown()
            server.shutdown()
            with pytest.raises(ConnectionRefusedError):
                raw.connect(port_of(server))
            assert assoc.send_c_echo().Status == 0x0000
        assert assoc.is_released

    def test_on_leaving_a_server(self, ae: AE) -> None:
        with ae.start_server(LOCAL, block=False) as server:
            assert echoes(HOST, port_of(server))
        with pytest.raises(ConnectionRefusedError):
            raw.connect(port_of(server))


def test_no_more_threads(
    ae: AE, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The connection is closed, and the server goes on."""

    def fail(assoc: Association) -> None:
        raise RuntimeError("can't start new thread")

    server = ae.start_server(LOCAL, block=False)
    with monkeypatch.context() as patch:
        patch.setattr(Association, "start", fail)
        with raw.connect(port_of(server)) as peer:
            peer.expect_closed()
    assert echoes(HOST, port_of(server))
    assert "can't start new thread" in caplog.text
    ae.shutdown()
    assert not ae._associations


class TestMaximumAssociations:
    def test_of_all_servers_together(self, ae: AE) -> None:
        ae.maximum_associations = 2
        log = EventLog("RELEASED")
        ports = [
            port_of(ae.start_server(LOCAL, block=False, evt_handlers=log.bindings)) for _ in "ab"
        ]
        with association(ports[0]) as first, association(ports[1]) as second:
            for port in ports:
                with association(port) as third:
                    assert third.is_rejected
                    answer = third.acceptor.primitive
                    assert answer is not None
                    assert (answer.result, answer.result_source, answer.diagnostic) == (2, 3, 2)
            assert first.is_established
            assert second.is_established
        log.wait_for("RELEASED", 2)
        assert echoes(HOST, ports[0])

    def test_requestors_do_not_count(self, ae: AE) -> None:
        ae.maximum_associations = 1
        port = port_of(ae.start_server(LOCAL, block=False))
        with sockets.listening(), association(port, ae=ae) as assoc:
            assert assoc.is_established
            assert len(ae.active_associations) == 2

    def test_connections_that_ask_for_nothing_do_not_count(self, ae: AE) -> None:
        ae.maximum_associations = 1
        log = EventLog("CONN_OPEN CONN_CLOSE")
        port = port_of(ae.start_server(LOCAL, block=False, evt_handlers=log.bindings))
        with raw.connect(port), raw.connect(port):
            log.wait_for("CONN_OPEN", 2)
            assert echoes(HOST, port)
        log.wait_for("CONN_CLOSE", 3)

    def test_rejected_associations_do_not_count(self, ae: AE) -> None:
        ae.maximum_associations = 1
        ae.require_called_aet = True
        log = EventLog("REJECTED CONN_CLOSE")
        port = port_of(ae.start_server(LOCAL, block=False, evt_handlers=log.bindings))
        with raw.connect(port) as peer:
            peer.send(raw.associate_rq(called=b"OTHER"))
            assert peer.expect_rejection() == (1, 1, 7)
            # it is rejected, and its connection is open still
            assert echoes(HOST, port, ae_title="SERVING")
        log.wait_for("CONN_CLOSE", 2)

    @pytest.mark.parametrize("end", ["abort", "close"])
    def test_place_is_free_at_the_end(self, ae: AE, end: str) -> None:
        ae.maximum_associations = 1
        log = EventLog("ABORTED")
        port = port_of(ae.start_server(LOCAL, block=False, evt_handlers=log.bindings))
        with raw.associated(port) as peer:
            if end == "abort":
                peer.send(raw.abort())
            peer.close()
            log.wait_for("ABORTED")
        assert echoes(HOST, port)


class TestHandlersOfServers:
    def test_bind_and_unbind(self, ae: AE) -> None:
        """They apply to live and to future associations, and not to those of `associate()`."""
        log = EventLog("ESTABLISHED")
        server = ae.start_server(LOCAL, block=False, evt_handlers=log.bindings)
        port = port_of(server)

        def refuse(event: Any, status: int) -> int:
            return status

        with association(port, ae=ae) as first:
            log.wait_for("ESTABLISHED")
            server.bind(evt.EVT_C_ECHO, refuse, [0x0122])
            assert server.get_handlers(evt.EVT_C_ECHO) == (refuse, [0x0122])
            assert first.get_handlers(evt.EVT_C_ECHO)[0] is not refuse
            assert first.send_c_echo().Status == 0x0122
            with association(port) as second:
                assert second.send_c_echo().Status == 0x0122
                server.unbind(evt.EVT_C_ECHO, refuse)
                assert second.send_c_echo().Status == 0x0000
            assert first.send_c_echo().Status == 0x0000
            with association(port) as third:
                assert third.send_c_echo().Status == 0x0000

    def test_notifications(self, ae: AE) -> None:
        seen: list[str] = []
        happened = threading.Event()

        def note(event: Any, word: str) -> None:
            seen.append(word)
            happened.set()

        server = ae.start_server(
            LOCAL,
            block=False,
            evt_handlers=[
                (evt.EVT_RELEASED, note, ["first"]),
                (evt.EVT_RELEASED, note, ["first"]),
            ],
        )
        with association(port_of(server)):
            server.bind(evt.EVT_RELEASED, note, ["second"])
        assert happened.wait(PATIENCE)
        for assoc in server.active_associations:
            join(assoc)
        assert seen == ["first", "second"]
        server.unbind(evt.EVT_RELEASED, note)
        assert echoes(HOST, port_of(server))
        for assoc in server.active_associations:
            join(assoc)
        assert seen == ["first", "second"]


class TestAddresses:
    def test_this_host(self, ae: AE) -> None:
        server = ae.start_server(("", 0), block=False)
        assert server.server_address == ("0.0.0.0", port_of(server))
        for addr in ("", HOST, "localhost"):
            assert echoes(addr, port_of(server))

    def test_warning_when_listening_for_everybody(
        self, ae: AE, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = ae.start_server(("", 0), block=False)
        assert echoes("", port_of(server))
        ae.shutdown()
        (line,) = complaints(caplog.records)
        assert "for everybody" in line

    @pytest.mark.parametrize("addr", ["::1", ("::1", 0, 0)])
    def test_ipv6(self, ae: AE, addr: Any) -> None:
        opened, connected = EventLog("CONN_OPEN"), EventLog("CONN_OPEN CONN_CLOSE")
        server = ae.start_server(("::1", 0), block=False, evt_handlers=opened.bindings)
        port = port_of(server)
        assert server.server_address == ("::1", port, 0, 0)
        assert echoes(addr, port, evt_handlers=connected.bindings)
        acceptance = opened.wait_for("CONN_OPEN")
        assert acceptance.address[0] == "::1"
        assert len(acceptance.address) == 4
        assert acceptance.assoc.requestor.address == "::1"
        assert acceptance.assoc.requestor.port == acceptance.address[1]
        assert acceptance.assoc.acceptor.port == port
        for name in ("CONN_OPEN", "CONN_CLOSE"):
            assert connected.wait_for(name).address == ("::1", port, 0, 0)

    def test_both_kinds(self, ae: AE) -> None:
        ae.require_calling_aet = ["PYNETDICOM"]
        port = port_of(ae.start_server(("::", 0), block=False))
        assert echoes(HOST, port)
        assert echoes("::1", port)

    @pytest.mark.parametrize(
        ("addr", "local"),
        [(HOST, ("127.0.0.1", 0)), (HOST, ("", 0)), ("::1", ("::1", 0, 0, 0)), ("::1", ("::1", 0))],
    )
    def test_bind_address(self, ae: AE, addr: str, local: Any) -> None:
        log = EventLog("ESTABLISHED")
        server = ae.start_server((addr, 0), block=False, evt_handlers=log.bindings)
        assert echoes(addr, port_of(server), bind_address=local)
        assert log.wait_for("ESTABLISHED").assoc.requestor.address == addr

    def test_bind_port(self, ae: AE) -> None:
        log = EventLog("ESTABLISHED")
        server = ae.start_server(LOCAL, block=False, evt_handlers=log.bindings)
        with reserve_port() as port:
            assert echoes(HOST, port_of(server), bind_address=(HOST, port))
        assert log.wait_for("ESTABLISHED").assoc.requestor.port == port

    def test_bind_to_the_address_of_somebody_else(
        self, ae: AE, caplog: pytest.LogCaptureFixture
    ) -> None:
        with pytest.raises(OSError, match="cannot connect from 192") as told:
            ae.associate(HOST, 104, bind_address=("192.0.2.1", 0))
        assert told.value.errno == errno.EADDRNOTAVAIL
        assert ae.active_associations == []
        assert "cannot connect from 192.0.2.1" in caplog.text

    def test_nobody_listens(self, ae: AE, caplog: pytest.LogCaptureFixture) -> None:
        with reserve_port() as port, association(port) as assoc:
            assert assoc.is_aborted
        assert "refused" in caplog.text

    def test_connection_timeout(self, ae: AE, caplog: pytest.LogCaptureFixture) -> None:
        ae.connection_timeout = 0.05
        with sockets.unresponsive() as (_, port), association(port, ae=ae) as assoc:
            assert assoc.is_aborted
        assert f"No connection to ANY-SCP at {HOST}:{port}" in caplog.text


class TestTLS:
    def test_both_sides(self, ae: AE, tls: Contexts) -> None:
        server = ae.start_server(LOCAL, block=False, ssl_context=tls.server)
        assert echoes(HOST, port_of(server), tls_args=(tls.client, "localhost"))

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    def test_mutual(self, ae: AE, version: ssl.TLSVersion) -> None:
        context = server_context(verify_clients=True, version=version)
        port = port_of(ae.start_server(LOCAL, block=False, ssl_context=context))
        assert echoes(HOST, port, tls_args=(client_context(certificate=True), "localhost"))
        with association(port, tls_args=(client_context(), "localhost")) as assoc:
            assert assoc.is_aborted

    def test_name_that_is_not_checked(self, ae: AE, tls: Contexts) -> None:
        server = ae.start_server(LOCAL, block=False, ssl_context=tls.server)
        tls.client.check_hostname = False
        assert echoes(HOST, port_of(server), tls_args=(tls.client, None))

    @pytest.mark.parametrize("name", ["other.example", None])
    def test_other_name(self, ae: AE, tls: Contexts, name: str | None) -> None:
        server = ae.start_server(LOCAL, block=False, ssl_context=tls.server)
        with association(port_of(server), tls_args=(tls.client, name)) as assoc:
            assert assoc.is_aborted

    def test_unknown_authority(self, ae: AE, caplog: pytest.LogCaptureFixture) -> None:
        server = ae.start_server(LOCAL, block=False, ssl_context=server_context(trusted=False))
        tls_args = (client_context(), "localhost")
        with association(port_of(server), tls_args=tls_args) as assoc:
            assert assoc.is_aborted
        assert "certificate" in caplog.text.lower()

    def test_plain_client(self, ae: AE, tls: Contexts) -> None:
        log = EventLog("CONN_OPEN CONN_CLOSE ABORTED")
        server = ae.start_server(
            LOCAL, block=False, ssl_context=tls.server, evt_handlers=log.bindings
        )
        with association(port_of(server)) as assoc:
            assert assoc.is_aborted
        log.wait_for("ABORTED")
        assert log.names() == ["CONN_OPEN", "CONN_CLOSE", "ABORTED"]

    def test_plain_server(self, ae: AE, tls: Contexts, caplog: pytest.LogCaptureFixture) -> None:
        server = ae.start_server(LOCAL, block=False)
        with association(port_of(server), tls_args=(tls.client, "localhost")) as assoc:
            assert assoc.is_aborted
        join(*server.active_associations)
        assert "ssl_context" in caplog.text

    def test_context_of_connections_to_come(self, ae: AE, tls: Contexts) -> None:
        server = ae.start_server(LOCAL, block=False)
        assert echoes(HOST, port_of(server))
        server.ssl_context = tls.server
        assert echoes(HOST, port_of(server), tls_args=(tls.client, "localhost"))
        with pytest.raises(TypeError, match="ssl_context"):
            server.ssl_context = "context"  # type: ignore[assignment]


@pytest.fixture
def tls() -> Contexts:
    return Contexts()


class TestAnnouncements:
    """What the two sides tell each other of themselves."""

    @pytest.mark.parametrize("length", [0, 16382, 0xFFFFFFFF])
    def test_maximum_length(self, ae: AE, length: int) -> None:
        log = EventLog("ESTABLISHED")
        ae.maximum_pdu_size = length
        port = port_of(ae.start_server(LOCAL, block=False, evt_handlers=log.bindings))
        with association(port, max_pdu=4096) as assoc:
            acceptance = log.wait_for("ESTABLISHED").assoc
            for seen in (assoc, acceptance):
                assert seen.requestor.maximum_length == 4096
                assert seen.acceptor.maximum_length == length
            assert assoc.dimse.maximum_pdu_size == assoc.remote["pdv_size"] == length
            assert acceptance.dimse.maximum_pdu_size == acceptance.remote["pdv_size"] == 4096

    @pytest.mark.parametrize("name", [None, "VERSION 1"])
    def test_implementation(self, ae: AE, name: str | None) -> None:
        log = EventLog("ESTABLISHED")
        ae.implementation_class_uid = "1.2.3"  # type: ignore[assignment]
        ae.implementation_version_name = name
        port = port_of(ae.start_server(LOCAL, block=False, evt_handlers=log.bindings))
        other = AE()
        other.implementation_class_uid = "4.5.6"  # type: ignore[assignment]
        with association(port, ae=other) as assoc:
            for seen in (assoc, log.wait_for("ESTABLISHED").assoc):
                assert seen.requestor.implementation_class_uid == "4.5.6"
                assert seen.requestor.implementation_version_name == "PYNETDICOM_400"
                assert seen.acceptor.implementation_class_uid == "1.2.3"
                assert seen.acceptor.implementation_version_name == name

    def test_titles_and_addresses(self, ae: AE) -> None:
        log = EventLog("ESTABLISHED")
        port = port_of(ae.start_server(LOCAL, block=False, evt_handlers=log.bindings))
        with association(port, ae=AE(" ASKING "), ae_title=" CALLED ") as assoc:
            acceptance = log.wait_for("ESTABLISHED").assoc
            assert assoc.requestor.ae_title.strip() == "ASKING"
            assert assoc.acceptor.ae_title.strip() == "CALLED"
            assert assoc.acceptor.info["port"] == port
            assert acceptance.requestor.ae_title == "ASKING"
            assert acceptance.acceptor.ae_title == "SERVING"
            assert acceptance.requestor.primitive.called_ae_title.strip() == "CALLED"
            assert acceptance.local == acceptance.acceptor.info
            assert acceptance.remote == acceptance.requestor.info
            assert assoc.local == assoc.requestor.info
            assert assoc.remote == assoc.acceptor.info
            assert acceptance.acceptor.port == port
            assert acceptance.requestor.address == HOST
            assert acceptance.requestor.port != port

    def test_contexts_are_numbered_copies(self, ae: AE) -> None:
        port = port_of(ae.start_server(LOCAL, block=False))
        ours = proposal([CT, ECHO, CT])
        assoc = AE().associate(HOST, port, ours)
        assert [cx.context_id for cx in assoc.requestor.requested_contexts] == [1, 3, 5]
        assert [cx.context_id for cx in ours] == [None] * 3
        assert [cx.context_id for cx in assoc.accepted_contexts] == [3]
        assert [cx.context_id for cx in assoc.rejected_contexts] == [1, 5]
        assert assoc.accepted_contexts[0].abstract_syntax == Verification
        assert len(assoc.accepted_contexts[0].transfer_syntax) == 1
        assoc.release()
        join(assoc)
