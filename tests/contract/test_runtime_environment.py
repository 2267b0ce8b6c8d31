"""What `requirements.lock` installs is enough to run every service."""

import hashlib
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from infra.file_lock import locked
from tests.contract.test_dependencies import PACKAGES, ROOT
from tests.support.presets import PRESETS

LOCK = ROOT / "requirements.lock"
_UV = str(Path(sysconfig.get_path("scripts")) / "uv")
_VERSION = "{}.{}".format(*sys.version_info)

# Importing starts nothing, so a whole package can be imported, each `__main__` of it too.
_IMPORT_EVERYTHING = """\
import importlib, pkgutil, sys
for top in sys.argv[1:]:
    package = importlib.import_module(top)
    for found in pkgutil.walk_packages(package.__path__, f"{top}."):
        importlib.import_module(found.name)
        print(found.name)
"""

# A picture, and what begins like a HEIC, through the processes that decode.
_RENDER_BOTH = """\
import asyncio, io
from PIL import Image
from streams.rendering import RenderFailed, Sandbox, deployed_presets

async def main() -> None:
    jpeg = io.BytesIO()
    Image.new("RGB", (64, 48)).save(jpeg, "JPEG")
    heic = bytes.fromhex("00000018667479706865696300000000") + b"mif1heic" + bytes(64)
    preset = deployed_presets("")["default"]
    async with Sandbox(processes=1) as sandbox:
        print(len((await sandbox.render(jpeg.getvalue(), preset)).renditions))
        try:
            await sandbox.render(heic, preset)
        except RenderFailed as failed:
            print(failed.code, failed.detail)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def python() -> Path:
    """A Python that has what is locked for running and nothing else; made once for each lock."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    environment = ROOT / "var/environments" / f"{_VERSION}-{digest}"
    environment.parent.mkdir(parents=True, exist_ok=True)
    complete = environment / "complete"
    with locked(environment.with_suffix(".lock")):
        if not complete.exists():
            _uv("venv", "--clear", "--python", sys.executable, environment)
            only_these = ("--require-hashes", "--only-binary", ":all:", "--requirement", LOCK)
            _uv("pip", "install", "--python", environment / "bin/python", *only_these)
            complete.touch()
    return environment / "bin/python"


def _uv(*arguments: str | Path) -> None:
    done = subprocess.run((_UV, *arguments), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def run(python: Path, script: str, *arguments: str) -> str:
    """Run a script at the root of the checkout, with nothing of this environment."""
    done = subprocess.run(
        (python, "-c", script, *arguments),
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_of_every_service_can_be_imported(python: Path) -> None:
    modules = run(python, _IMPORT_EVERYTHING, *PACKAGES).split()
    mains = [main for top in PACKAGES for main in (ROOT / top).rglob("__main__.py")]
    services = {".".join(main.relative_to(ROOT).with_suffix("").parts) for main in mains}
    assert "streams.ingestion.worker.__main__" in services
    assert services - set(modules) == set()


def test_without_the_extra_pictures_are_rendered_and_heic_is_refused(python: Path) -> None:
    made, refused = run(python, _RENDER_BOTH).splitlines()
    assert int(made) == len(PRESETS["default"].renditions)
    assert refused == (
        "unsupported_format HEIC is not accepted here; JPEG, PNG, WebP, AVIF, GIF, TIFF and BMP are"
    )
