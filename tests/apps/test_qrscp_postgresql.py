"""The archive of qrscp with an index in PostgreSQL: the tests of SQLite, with another database.

The cluster is a private one, made for the tests of this module.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.apps import (
    test_qrscp,
    test_qrscp_commitment,
    test_qrscp_index,
    test_qrscp_kill,
    test_qrscp_matching,
)
from tests.support.postgresql import new_database, postgresql

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Start a cluster; give the URL of its databases."""
    with postgresql() as url:
        yield url


@pytest.fixture
def url(cluster: str) -> str:
    """Return the URL of a new database."""
    return new_database(cluster)


index = test_qrscp_index.index
test_kill = test_qrscp_kill.test_kill


class TestIndex(test_qrscp_index.TestIndex):
    """What is counted, and writing at the same time."""


class TestValues(test_qrscp_index.TestValues):
    """Values of peers."""


class TestMatches(test_qrscp_matching.TestMatches):
    """What matches."""


class TestStore(test_qrscp.TestStore):
    """Storage, 20 clients at a time included."""


class TestFind(test_qrscp.TestFind):
    """Queries."""


class TestCommitment(test_qrscp_commitment.TestCommitment):
    """Storage commitment."""
