"""The log as files: export it, verify and copy the files, restore them."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from backup.archives import Archive
from backup.blob_copy import BlobCopyResult
from backup.chain_key import read_chain_key
from backup.log_export import CHUNK_BYTES
from backup.log_sources import EVENT_TOPICS
from backup.manifest import Chunk, Completed, Manifest
from cli.output import AsJson, rated_bars, say, show_table
from infra.encryption import installation_keyring
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
    archive = _archive(directory, key_file)
    archive.export_log(settings, until=_utc(until), with_tables=with_keys, chunk_bytes=chunk_bytes)
    copied = archive.export_blobs(settings) if with_blobs else None
    _show(archive.manifest(), as_json=as_json)
    if copied:
        _tell(copied, "the store does not have it as it was published")


@app.command("verify")
def verify(directory: Directory, *, key_file: KeyFile = None, as_json: AsJson = False) -> None:
    """Look at every byte and name what is not as it was written; exit 3 if anything is.

    With a key file: and that it was made with that key.
    """
    archive = _archive(directory, key_file)
    findings = archive.find_faults()
    if findings:
        show_table(
            [{"file": f.file, "record": f.record, "what": f.what} for f in findings],
            as_json=as_json,
        )
        raise typer.Exit(_NOT_WELL)
    _show(archive.manifest(), as_json=as_json)


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
    manifest = _archive(archive, key_file).copy_to(
        directory, load().data_dir, until=_utc(until), mask=mask
    )
    _show(manifest, as_json=as_json)


@app.command("blobs")
def blobs(directory: Directory, *, key_file: KeyFile = None) -> None:
    """Print the keys of the pictures that the events refer to, one a line: copy those as well."""
    for key in _archive(directory, key_file).blob_keys():
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
    settings = load()
    archive = _archive(directory, key_file)
    restored = archive.restore_log(settings, trusts_keys=trust_keys)
    erased = asyncio.run(
        repeat_erasures(
            settings.kafka.connection(), installation_keyring(settings), datetime.now(UTC)
        )
    )
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
    copied = archive.restore_blobs(settings)
    if copied:
        _tell(copied, "the archive does not have it as it was published")


def _archive(directory: Path, key_file: Path | None) -> Archive:
    return Archive(directory=directory, chain_key=read_chain_key(key_file), bar=_progress)


def _tell(copied: BlobCopyResult, why_lost: str) -> None:
    """Say on the error stream what became of the pictures; end with 3 if some are lost."""
    say(f"{copied.blobs} pictures, {copied.copied} of them copied now")
    for key in copied.lost:
        say(f"{key}: {why_lost}")
    if copied.lost:
        raise typer.Exit(_NOT_WELL)


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
