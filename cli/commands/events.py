"""The log as files: export it, verify and copy the files, restore them."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from avro_schemas.encryption import using_encryptor
from backup.blob_copy import BlobCopyResult, BlobExporter, BlobRestorer
from backup.blob_verification import verify_blobs
from backup.chain_key import read_chain_key
from backup.keyrings import archive_keyring, require_keys
from backup.log_export import CHUNK_BYTES, ExportOptions, LogExporter, RecordChange, unchanged
from backup.log_restore import LogRestorer
from backup.log_sources import COMPACTED_TOPICS, EVENT_TOPICS, ArchivedLog, KafkaLog
from backup.manifest import BlobList, Chunk, Completed, Manifest, Origin
from backup.masking import EventMask, mask_key
from backup.referenced_blobs import referenced_blobs
from backup.verification import require_undamaged
from backup.verification import verify_archive as findings_in
from cli.output import AsJson, rated_bars, say, show_table
from cli.restore.restore_target import LiveInstallation
from infra.blobs.store import open_blob_store
from infra.encryption import Keyring, installation_keyring
from infra.kafka.admin import check_topics
from infra.kafka.topics import ASSET_COMMANDS
from infra.settings import load
from streams.erasure.repeated_erasure import repeat_erasures

app = typer.Typer(no_args_is_help=True, help=__doc__)

_NOT_WELL = 3

Directory = Annotated[Path, typer.Argument(help="Where the files are.")]
Until = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"],
        help="Leave out what was appended later; UTC unless it says otherwise.",
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        help="Holds the key that the archive is made with: 32 random characters or more, kept"
        " apart from the archive."
    ),
]
ChunkBytes = Annotated[int, typer.Option(min=1, help="How large a file becomes, about.")]


@app.command("export")
def export(
    directory: Directory,
    *,
    until: Until = None,
    with_keys: Annotated[
        bool, typer.Option("--with-keys", help="Also what authenticates: API keys (digests).")
    ] = False,
    with_blobs: Annotated[
        bool, typer.Option("--with-blobs", help="Also the pictures that the events refer to.")
    ] = False,
    chunk_bytes: ChunkBytes = CHUNK_BYTES,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Write all events into files; a second time, only what is new.

    It may be stopped or killed at any time and typed again. The keyring is not part of it: keep a
    copy of that elsewhere. Exit 3 when the store lacks pictures.
    """
    settings = load()
    kafka = settings.kafka.connection()
    check_topics(kafka, (*EVENT_TOPICS, *COMPACTED_TOPICS))
    options = ExportOptions(
        keyring=installation_keyring(settings).ring().ring_id.hex(),
        until=_utc(until),
        with_tables=with_keys,
        chunk_bytes=chunk_bytes,
        chain_key=(key := read_chain_key(key_file)),
    )
    with _progress("exported") as on_progress:
        manifest = LogExporter(KafkaLog(kafka), directory, options, datetime.now(UTC)).run(
            on_progress
        )
    if not with_blobs:
        _show(manifest, as_json=as_json)
        return
    store = open_blob_store(settings.blobs_url, settings.blobs)
    with _progress("pictures exported") as on_progress:
        copied = asyncio.run(BlobExporter(directory, store, on_progress, key).run())
    _show(Manifest.load(directory, key), as_json=as_json)
    _tell(copied, "the store does not have it as it was published")


@app.command("verify")
def verify(directory: Directory, *, key_file: KeyFile = None, as_json: AsJson = False) -> None:
    """Look at every byte and name what is not as it was written; exit 3 if anything is.

    With a key file: and that it was made with that key.
    """
    key = read_chain_key(key_file)
    with _progress("files verified") as on_progress:
        findings = list(findings_in(directory, on_progress, key))
    with _progress("pictures verified") as on_progress:
        findings += verify_blobs(directory, on_progress, key)
    if findings:
        show_table(
            [{"file": f.file, "record": f.record, "what": f.what} for f in findings],
            as_json=as_json,
        )
        raise typer.Exit(_NOT_WELL)
    _show(Manifest.load(directory, key), as_json=as_json)


@app.command("copy")
def copy(
    archive: Directory,
    directory: Annotated[Path, typer.Argument(help="Where the copy is to be.")],
    *,
    until: Until = None,
    mask: Annotated[
        bool, typer.Option("--mask", help="Hide what is personal; leave out keys and the like.")
    ] = False,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Copy an archive up to a chosen moment, for staging: it is restored like any other.

    Equal values stay equal. They are masked with a key that is made once and kept in the data
    directory; without it nobody can tell what they were. A copy of an archive with a key is made
    with that key too, but for a masked one: it goes where the key does not.
    """
    settings = load()
    chain_key = read_chain_key(key_file)
    require_undamaged(archive, chain_key)
    source = ArchivedLog(archive, chain_key)
    origin = source.manifest.origin
    change: RecordChange | None = None
    ring = archive_keyring(archive).ring() if origin.is_masked else None
    if mask:
        key = mask_key(settings.data_dir)
        ring = Keyring.from_secret(key)
        change = EventMask(key, ring)
    if ring:
        archive_keyring(directory).make(ring)
    options = ExportOptions(
        keyring=ring.ring_id.hex() if ring else origin.keyring,
        until=_utc(until),
        with_tables=not mask,
        is_masked=mask or origin.is_masked,
        change=change or unchanged,
        chain_key=None if mask else chain_key,
    )
    with _keys_in(archive, origin), _progress("copied") as on_progress:
        manifest = LogExporter(source, directory, options, datetime.now(UTC)).run(on_progress)
    _show(manifest, as_json=as_json)


@app.command("blobs")
def blobs(directory: Directory, *, key_file: KeyFile = None) -> None:
    """Print the keys of the pictures that the events refer to, one a line: copy those as well."""
    log = ArchivedLog(directory, read_chain_key(key_file))
    with _keys_in(directory, log.manifest.origin):
        for key in referenced_blobs(log):
            typer.echo(key)


@app.command("restore")
def restore(
    directory: Directory,
    *,
    key_file: KeyFile = None,
    trust_keys: Annotated[
        bool | None,
        typer.Option(
            "--trust-keys/--leave-keys",
            help="Take API keys and webhook endpoints from an archive that was made without a key,"
            " or leave them there.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring all events back into an installation that has none, and whose services do not run.

    The keyring must be there first; what it says was erased after the export is erased again. The
    pictures that the archive has come back too. It may be stopped or killed at any time and typed
    again. Views are built when services start. Exit 3 when the archive lacks pictures.
    """
    settings, key = load(), read_chain_key(key_file)
    kafka = settings.kafka.connection()
    check_topics(kafka, (*EVENT_TOPICS, *COMPACTED_TOPICS, ASSET_COMMANDS))
    keyring = installation_keyring(settings)
    require_keys(directory, keyring, settings.keyring_path, key)
    with _progress("restored and read back") as on_progress:
        target = LiveInstallation(kafka, settings.cassandra)
        restored = LogRestorer(
            directory, target, on_progress, chain_key=key, trusts_keys=trust_keys
        ).run()
    erased = asyncio.run(repeat_erasures(kafka, keyring, datetime.now(UTC)))
    show_table(
        [
            {
                "events": restored.records,
                "appended now": restored.appended,
                "keys added": restored.keys_added,
                "erased again": erased // 2,
            }
        ],
        as_json=as_json,
    )
    say("every event was read back and is as it was exported")
    if not any(ArchivedLog(directory, key).manifest.of(BlobList)):
        return
    store = open_blob_store(settings.blobs_url, settings.blobs)
    with _progress("pictures restored") as on_progress:
        copied = asyncio.run(BlobRestorer(directory, store, on_progress, key).run())
    _tell(copied, "the archive does not have it as it was published")


def _tell(copied: BlobCopyResult, why_lost: str) -> None:
    """Say on the error stream what became of the pictures; end with 3 if some are lost."""
    say(f"{copied.blobs} pictures, {copied.copied} of them copied now")
    for key in copied.lost:
        say(f"{key}: {why_lost}")
    if copied.lost:
        raise typer.Exit(_NOT_WELL)


def _keys_in(directory: Path, origin: Origin) -> AbstractContextManager[None]:
    """Read what is sealed in an archive: with the keys that it brings, or the installation's."""
    return using_encryptor(archive_keyring(directory)) if origin.is_masked else nullcontext()


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def _show(manifest: Manifest, *, as_json: bool) -> None:
    """Show how much an archive holds, of which moment, and the head of its chain."""
    chunks, ends = list(manifest.of(Chunk)), list(manifest.of(Completed))
    as_of = (ends[-1].until or ends[-1].at).isoformat(timespec="seconds") if ends else ""
    rows: list[dict[str, object]] = [
        {
            "topic": topic.name,
            "events": sum(chunk.record_count for chunk in chunks if chunk.topic == topic.name),
            "files": sum(chunk.topic == topic.name for chunk in chunks),
        }
        for topic in EVENT_TOPICS
    ]
    if as_json:
        rows = [row | {"as_of": as_of, "head": manifest.head} for row in rows]
    show_table(rows, as_json=as_json)
    say(f"as of {as_of}, head {manifest.head}")


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar with rate and remaining time on the error stream."""
    with rated_bars() as shown:
        task = shown.add_task(what, total=None, rate=0.0)

        def on_progress(done: int, total: int) -> None:
            rate = shown.tasks[task].speed or 0.0
            shown.update(task, completed=done, total=total, rate=rate)

        yield on_progress
