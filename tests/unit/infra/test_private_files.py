"""What a process of ours writes, only its user reads, however loose the shell was."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.test_layout import ROOT, imported_names, modules

LOOSE = 0o000
WRITES = """
import subprocess, sys
from pathlib import Path
from infra.settings import load
folder = Path(sys.argv[1])
load()
(folder / "file").write_text("x")
(folder / "folder" / "below").mkdir(parents=True)
subprocess.run(["touch", folder / "of-a-child"], check=True)
"""


def test_files_folders_and_what_children_write_are_the_users_alone(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", WRITES, str(tmp_path)], cwd=ROOT, umask=LOOSE, check=True)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert modes == {"file": 0o600, "folder": 0o700, "below": 0o700, "of-a-child": 0o600}


def test_the_command_line_keeps_its_files_to_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCALEHOSTER_DATA_DIR", str(tmp_path / "var"))
    subprocess.run(
        [sys.executable, "-m", "cli", "status"],
        cwd=ROOT,
        umask=LOOSE,
        check=False,
        capture_output=True,
    )
    found = [tmp_path / "var", *(tmp_path / "var").rglob("*")]
    assert len(found) > 3
    assert not [path for path in found if path.stat().st_mode & 0o077]


def test_every_process_begins_by_reading_the_settings() -> None:
    """That is where the umask is set."""
    mains = {name: file for name, file in modules() if name.endswith(".__main__")}
    without = {
        name
        for name, file in mains.items()
        if ("infra.settings", "load") not in imported_names(file)
    }
    assert without == {"infra.local_cluster.__main__"}  # writes nothing
