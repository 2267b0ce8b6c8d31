"""The API keys of the demo: one for what it does, one that only reads for the gallery."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cli.output import say
from cli.polling import wait_for
from infra.blobs.durable_files import write_durably
from infra.http.authentication.api_keys import SCOPES, Scope
from infra.production_checks import DEMO_KEY_FILES

_KNOWN_SECONDS = 30.0
_OWN, _GALLERY = DEMO_KEY_FILES


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoKeys:
    """Makes each key once per data directory and keeps it there; one that is not valid is replaced.

    ``issue`` makes a key with these scopes under this name; ``is_accepted`` asks an API about one.
    """

    directory: Path
    issue: Callable[[tuple[Scope, ...], str], str]
    is_accepted: Callable[[str], bool]

    def own(self) -> str:
        """Give the key that the demo and the examples of the README use; it may do everything."""
        return self._kept(_OWN, SCOPES, "demo")

    def of_the_gallery(self) -> str:
        """Return a key that may only read: URLs are seen, copied and remembered."""
        return self._kept(_GALLERY, ("assets:read",), "gallery of the demo")

    def _kept(self, file_name: str, scopes: tuple[Scope, ...], name: str) -> str:
        """Give the key of a file; raises WaitTimedOut when no API learns of a new one."""
        place = self.directory / file_name
        if place.exists():
            key = place.read_text("utf-8").strip()
            if self.is_accepted(key):
                return key
            say(f"the key in {file_name} is not valid here; making a new one")
        key = self.issue(scopes, name)
        write_durably(place, key.encode())
        wait_for(lambda: self.is_accepted(key), "the new key to be known", _KNOWN_SECONDS)
        return key
