"""Stands in for an association's own thread: serves what a C-GET brings while it is waited for."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pynetdicom.dimse import DIMSEServiceProvider
    from pynetdicom.dimse_primitives import DimseServiceType
    from pynetdicom.dul import DULServiceProvider
    from pynetdicom.exchanges import Exchange


class StandIn:
    """Who waits for the responses to a C-GET serves what comes meanwhile; a part of Association."""

    # What the other part provides
    dimse: DIMSEServiceProvider
    dul: DULServiceProvider
    is_established: bool
    _workers: object | None

    @property
    def dimse_timeout(self) -> float | None:  # noqa: D102
        raise NotImplementedError

    def abort(self, block: bool = True) -> None:  # noqa: D102
        raise NotImplementedError

    def _serve(self, context_id: int, request: DimseServiceType) -> None:
        raise NotImplementedError

    def _is_serving_here(self) -> bool:
        raise NotImplementedError

    def _next_of_get(self, exchange: Exchange) -> DimseServiceType | None:
        """Wait for the next response of a C-GET, which need not say that it goes on.

        So the time-out begins anew with whatever the peer sends, and the time that we take to store
        what it sent does not count. What it sends is served here: to hand each instance over to the
        association's own thread would take longer than to store most of them.
        """
        stands_in = self._workers is None
        with self.dimse.standing_in() if stands_in else nullcontext():
            while not exchange.is_overdue:
                begun, until = monotonic(), exchange.until(self.dimse_timeout)
                if stands_in:
                    self._serve_until_answered(exchange, until)
                    response = exchange.next(0)
                else:
                    response = exchange.next(self.dimse_timeout)
                if response is not None or exchange.is_over or not self.is_established:
                    return response
                if not (self._is_storing() or self.dul._last_received > begun):
                    break
        return None

    def _serve_until_answered(self, exchange: Exchange, until: float | None) -> None:
        """Serve what the peer asks for until a response has come; before that is looked at."""
        dimse, me = self.dimse, threading.get_ident()

        def has_request() -> bool:
            # One at a time; but one that is served here may be what asked for this exchange
            return bool(dimse.requests) and (self._is_serving_here() or not dimse.serving)

        def has_news() -> bool:
            return has_request() or bool(exchange.responses) or exchange.is_over

        while self.dul.wait_until(has_news, until) and has_request():
            request = dimse.next_request()
            if request is None:
                continue
            dimse.busy_stand_ins.append(me)
            try:
                self._serve(*request)
            except BaseException:  # Ctrl-C, for one: the peer shall not be left waiting
                self.abort(block=False)
                raise
            finally:
                dimse.busy_stand_ins.remove(me)
            until = exchange.until(self.dimse_timeout)

    def _is_storing(self) -> bool:
        """Return True while requests of the peer are served, or about to be, by another thread.

        Those who serve don't wait for each other, though: it might be for ever.
        """
        return not self._is_serving_here() and bool(self.dimse.requests or self.dimse.serving)
