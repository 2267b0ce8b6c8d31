"""One line a figure for people, one JSON file a figure for programs."""

import json
from pathlib import Path

_PLACE = Path("var/bench")


def report(name: str, said: str, *, ratio: float, target: float, figures: object) -> None:
    """Print and keep a ratio together with both of its sides."""
    verdict = "met" if ratio >= target else "MISSED"
    print(f"{name}: {said}; ratio {ratio:.2f}, target {target:.2f} {verdict}", flush=True)
    _PLACE.mkdir(parents=True, exist_ok=True)
    kept = {"said": said, "ratio": ratio, "target": target, "figures": figures}
    (_PLACE / f"{name.lower()}.json").write_text(json.dumps(kept, indent=2))
