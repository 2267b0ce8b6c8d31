"""One line a figure for people, one JSON file a figure for programs."""

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

_PLACE = Path("var/bench")
_NAMED = (
    "cassandra-driver",
    "confluent-kafka",
    "fastapi",
    "fastavro",
    "pillow",
    "pydantic",
    "uvicorn",
    "uvloop",
)


def report_machine() -> None:
    """Print and keep what the figures were measured on."""
    load = os.getloadavg()
    kept = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": len(os.sched_getaffinity(0)),
        "load": load,
        "packages": {name: version(name) for name in _NAMED},
    }
    busy = f"load average {load[0]:.1f} before the start"
    print(f"Python {kept['python']}, {kept['cores']} cores, {kept['system']}, {busy}", flush=True)
    _keep("machine", kept)


def report(name: str, said: str, *, ratio: float, target: float, figures: object) -> None:
    """Print and keep a ratio together with both of its sides."""
    verdict = "met" if ratio >= target else "MISSED"
    print(f"{name}: {said}; ratio {ratio:.2f}, target {target:.2f} {verdict}", flush=True)
    _keep(name, {"said": said, "ratio": ratio, "target": target, "figures": figures})


def _keep(name: str, kept: object) -> None:
    _PLACE.mkdir(parents=True, exist_ok=True)
    (_PLACE / f"{name.lower()}.json").write_text(json.dumps(kept, indent=2))
