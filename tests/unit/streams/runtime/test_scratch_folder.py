import os
import subprocess
import sys
from pathlib import Path

from streams.runtime.scratch_folder import scratch_folder

DIES_IN_IT = """
import os, sys
from pathlib import Path
from streams.runtime.scratch_folder import scratch_folder
with scratch_folder(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("a download")
    os.kill(os.getpid(), 9)
"""


def test_the_folder_goes_with_the_process_that_made_it(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as folder:
        (folder / "half").write_text("a download")

    assert not folder.exists()


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", DIES_IN_IT, tmp_path], check=False, env=os.environ)
    (left,) = tmp_path.glob("*/half")

    with scratch_folder(tmp_path):
        assert not left.exists()


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as first, scratch_folder(tmp_path) as second:
        assert first != second
        assert first.is_dir()
