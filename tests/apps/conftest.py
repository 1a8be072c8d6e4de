"""What the tests of qrscp on the network start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from pynetdicom.apps.qrscp.settings import Destination
from tests.support.archives import (
    LiveArchive,
    store,
)

StartArchive = Callable[..., LiveArchive]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/index.sqlite"


@pytest.fixture
def start(url: str, tmp_path: Path) -> Iterator[StartArchive]:
    """Start an archive, with the images that are given."""
    started: list[LiveArchive] = []

    def start(*images: Dataset, **destinations: Destination) -> LiveArchive:
        live = LiveArchive(tmp_path / "files", url, destinations)
        started.append(live)
        if images:
            with live.associated() as assoc:
                assert {status for status, _ in store(assoc, *images)} == {0x0000}
        return live

    yield start
    for live in started:
        live.close()
