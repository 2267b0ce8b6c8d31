"""What importing a module may do: define, and nothing else."""

import json
import subprocess
import sys

from tests.architecture.test_layout import ROOT, modules

# Imports every module that is named, and prints the files of the checkout that this opened.
WATCHED = """
import importlib, json, os, sys

root, opened = sys.argv[1] + os.sep, set()

def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and arguments[0].startswith(root):
        opened.add(arguments[0].removeprefix(root))

sys.addaudithook(watch)
for name in json.load(sys.stdin):
    importlib.import_module(name)
print(json.dumps(sorted(opened)))
"""


def test_importing_a_module_reads_no_file() -> None:
    names = [name for name, _ in modules() if not name.endswith("__main__")]
    seen = subprocess.run(
        [sys.executable, "-c", WATCHED, str(ROOT)],
        input=json.dumps(names),
        capture_output=True,
        check=True,
        cwd=ROOT,
        text=True,
    )
    opened = [name for name in json.loads(seen.stdout) if name.partition("/")[0] != ".venv"]
    assert [name for name in opened if "__pycache__" not in name and not name.endswith(".py")] == []
