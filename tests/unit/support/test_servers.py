"""Where a test run's servers come from, as far as no server is needed to see it."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.servers import scratch_directory, start_servers


def test_servers_that_run_already_can_be_named() -> None:
    servers = start_servers("kafka=127.0.0.1:19092,cassandra=127.0.0.1:19042", ExitStack())
    assert servers.bootstrap_servers == "127.0.0.1:19092"
    assert (servers.cassandra_host, servers.cassandra_port) == ("127.0.0.1", 19042)


def test_a_misspelt_name_is_refused() -> None:
    with pytest.raises(ValueError, match="SCALEHOSTER_TEST_SERVERS"):
        start_servers("kafka:19092", ExitStack())


def test_a_run_leaves_no_folder(tmp_path: Path) -> None:
    with scratch_directory(tmp_path) as directory:
        assert directory.is_dir()
    assert not directory.exists()


def test_a_run_removes_what_a_killed_run_left_and_nothing_of_a_living_one(tmp_path: Path) -> None:
    (tmp_path / "test-cluster-killed").mkdir()
    with scratch_directory(tmp_path) as living, scratch_directory(tmp_path):
        assert not (tmp_path / "test-cluster-killed").exists()
        assert living.is_dir()
