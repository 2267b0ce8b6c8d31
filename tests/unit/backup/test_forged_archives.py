"""An archive that somebody else made, or added to, opens no door at a restore."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from avro_schemas.containers import LoggedRecord, write_container
from backup.chain_key import read_chain_key
from backup.errors import ChainKeyWrong, NotAnArchive, RestoreRefused
from backup.log_restore import LogRestorer, RestoreResult
from backup.log_sources import ArchivedLog
from backup.manifest import NAME, Manifest, TableFile
from backup.verification import verify_archive
from infra.kafka.topics import API_KEYS
from tests.support.fakes.memory_archive import SMALL, MemoryLog, export, history

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
THEIRS = LoggedRecord(offset=0, timestamp_ms=1, key=b"theirs", headers=(), value=b"a forged key")
OURS = replace(THEIRS, key=b"ours", value=b"a key of ours")


@pytest.fixture
def log() -> MemoryLog:
    log = MemoryLog()
    log.write(history())
    log.tables[API_KEYS.name] = {b"ours": OURS}
    return log


@pytest.fixture
def keyed(log: MemoryLog, tmp_path: Path) -> Path:
    export(log, tmp_path / "keyed", replace(SMALL, with_tables=True, chain_key=KEY))
    return tmp_path / "keyed"


@pytest.fixture
def unkeyed(log: MemoryLog, tmp_path: Path) -> Path:
    export(log, tmp_path / "unkeyed", replace(SMALL, with_tables=True))
    return tmp_path / "unkeyed"


def forge(archive: Path, *, is_keyed: bool) -> None:
    """Put an API key of one's own in and chain it anew, as anybody can who lacks our key."""
    entries = [json.loads(line)["entry"] for line in (archive / NAME).read_bytes().splitlines()]
    content = write_container([OURS, THEIRS], {"topic": API_KEYS.name})
    chain, lines = "", b""
    for entry in entries:
        if entry["type"] == "Origin":
            entry["is_keyed"] = is_keyed
        if entry.get("topic") == API_KEYS.name:
            (archive / entry["file"]).write_bytes(content)
            entry |= {"sha256": sha256(content).hexdigest(), "record_count": 2}
        spelled = json.dumps(entry, separators=(",", ":"))
        chain = sha256(f"{chain}{spelled}".encode()).hexdigest()
        lines += f'{{"chain":"{chain}","entry":{spelled}}}\n'.encode()
    (archive / NAME).write_bytes(lines)


def restore(
    archive: Path, target: MemoryLog, key: bytes | None = None, *, trusts: bool | None = None
) -> RestoreResult:
    return LogRestorer(archive, target, lambda *_: None, chain_key=key, trusts_keys=trusts).run()


def test_a_forged_archive_without_a_key_brings_no_api_key_in_by_itself(unkeyed: Path) -> None:
    forge(unkeyed, is_keyed=False)
    assert list(verify_archive(unkeyed)) == []  # it is whole; nobody can say whose it is
    target = MemoryLog("another")
    with pytest.raises(RestoreRefused, match="--leave-keys"):
        restore(unkeyed, target)
    assert target.contents() == {}
    assert target.tables == {}


def test_keys_are_left_there_or_taken_where_it_is_said(unkeyed: Path) -> None:
    without, trusting = MemoryLog("without"), MemoryLog("trusting")
    assert restore(unkeyed, without, trusts=False).keys_added == 0
    assert without.contents()
    assert without.tables == {}
    assert restore(unkeyed, trusting, trusts=True).keys_added == 1


def test_an_archive_without_keys_needs_nothing_said(log: MemoryLog, tmp_path: Path) -> None:
    export(log, tmp_path / "plain")
    assert restore(tmp_path / "plain", MemoryLog("another")).keys_added == 0


def test_one_that_was_made_with_our_key_is_restored_whole(log: MemoryLog, keyed: Path) -> None:
    target = MemoryLog("another")
    assert list(verify_archive(keyed, chain_key=KEY)) == []
    assert restore(keyed, target, KEY).keys_added == 1
    assert target.contents() == log.contents()


def test_one_that_was_forged_does_not_pass_for_it(keyed: Path) -> None:
    target = MemoryLog("another")
    forge(keyed, is_keyed=True)
    with pytest.raises(NotAnArchive, match="line 1"):
        restore(keyed, target, KEY)
    assert list(verify_archive(keyed, chain_key=KEY)) != []
    forge(keyed, is_keyed=False)
    for refused in (
        lambda: restore(keyed, target, KEY),
        lambda: list(verify_archive(keyed, chain_key=KEY)),
    ):
        with pytest.raises(ChainKeyWrong, match="without a key"):
            refused()
    with pytest.raises(RestoreRefused):
        restore(keyed, target)
    assert target.contents() == {}
    assert target.tables == {}


def test_any_line_that_somebody_else_appends_is_noticed(keyed: Path) -> None:
    forged = Manifest(keyed, OTHER_KEY)
    head = Manifest.load(keyed, KEY).head
    forged.head = head
    lines = (keyed / NAME).read_bytes()
    forged.add([TableFile(topic=API_KEYS.name, file="x", sha256="0" * 64, record_count=1)])
    (keyed / NAME).write_bytes(lines + (keyed / NAME).read_bytes())
    with pytest.raises(NotAnArchive, match=f"line {len(lines.splitlines()) + 1}"):
        Manifest.load(keyed, KEY)


@pytest.mark.parametrize("key", [None, OTHER_KEY])
def test_it_is_read_with_its_own_key_alone(keyed: Path, key: bytes | None) -> None:
    with pytest.raises((ChainKeyWrong, NotAnArchive)):
        ArchivedLog(keyed, key)


def test_an_archive_goes_on_with_the_key_it_began_with(
    log: MemoryLog, keyed: Path, unkeyed: Path
) -> None:
    again = replace(SMALL, with_tables=True)
    export(log, keyed, replace(again, chain_key=KEY))
    with pytest.raises(ChainKeyWrong):
        export(log, keyed, again)
    with pytest.raises(ChainKeyWrong):
        export(log, unkeyed, replace(again, chain_key=KEY))


@pytest.mark.parametrize("text", ["", "x", "a" * 64, "0123456789abcdef" * 2 + ",x", None])
def test_a_weak_key_is_refused(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "key").write_text(text)
    with pytest.raises(ChainKeyWrong, match="key"):
        read_chain_key(tmp_path / "key")


def test_a_key_is_one_line_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("0123456789abcdef" * 4 + "\n")
    key = read_chain_key(tmp_path / "key")
    assert key is not None
    assert len(key) == 32
    assert read_chain_key(None) is None
