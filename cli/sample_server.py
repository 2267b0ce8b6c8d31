"""The web server of the demo: real photographs, and some broken sources."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

SAMPLES = Path(__file__).parents[1] / "samples"
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSample:
    """One picture of the demo: its file on the server, and its description."""

    file: str
    category: str
    title: str
    alt_text: str


BAD_SOURCES = (
    DemoSample(
        file="missing.jpg", category="animals", title="A file that is not there", alt_text=""
    ),
    DemoSample(file="page.html", category="animals", title="A page, not a picture", alt_text=""),
    DemoSample(file="torn.jpg", category="animals", title="Half a photograph", alt_text=""),
    DemoSample(
        file="inside", category="animals", title="A redirect to inside a network", alt_text=""
    ),
)


def samples() -> list[DemoSample]:
    """Read the list of the bundled photographs."""
    with (SAMPLES / "samples.csv").open(newline="", encoding="utf-8") as file:
        return [
            DemoSample(
                file=row["file"],
                category=row["category"],
                title=row["title"],
                alt_text=row["alt_text"],
            )
            for row in csv.DictReader(file)
        ]


class _SampleRequestHandler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        match self.path:
            case "/page.html":
                self._answer(b"<!doctype html><title>No picture here</title>", "text/html")
            case "/torn.jpg":
                whole = (SAMPLES / samples()[0].file).read_bytes()
                self._answer(whole[: len(whole) // 2], "image/jpeg")
            case "/inside":
                self.send_response(302)
                self.send_header("Location", "http://169.254.169.254/latest/meta-data/")
                self.end_headers()
            case _:
                super().do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class
        """Keep quiet: the demo shows its own progress."""

    def _answer(self, body: bytes, media_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serve_samples(port: int) -> Iterator[str]:
    """Serve the samples on loopback; gives the base URL. Raises OSError when the port is taken."""
    handler = partial(_SampleRequestHandler, directory=str(SAMPLES))
    with ThreadingHTTPServer((_LOOPBACK, port), handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://{_LOOPBACK}:{server.server_port}"
        server.shutdown()
        thread.join()
