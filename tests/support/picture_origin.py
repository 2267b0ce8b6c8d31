"""A web server on loopback with pictures that come, fail, or hang as their path says."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from threading import Event, Thread

from PIL import Image

_LONGEST_HANG_SECONDS = 100


class PictureOrigin(ThreadingHTTPServer):
    """``/7.png`` is a picture of its own, ``/503/2/7.png`` comes after two answers of 503.

    ``/hang/7.png`` comes once ``released`` is set, ``/text`` is no picture.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.released = Event()
        self.requests: list[str] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def url(self, path: str) -> str:
        return f"http://{self.address}{path}"


@contextmanager
def picture_origin() -> Iterator[PictureOrigin]:
    """Serve until the end of the block."""
    origin = PictureOrigin()
    thread = Thread(target=origin.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield origin
    finally:
        origin.released.set()
        origin.shutdown()
        thread.join()
        origin.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: PictureOrigin

    def do_GET(self) -> None:
        seen_before = self.server.requests.count(self.path)
        self.server.requests.append(self.path)
        match self.path.strip("/").split("/"):
            case ["hang", name]:
                self.server.released.wait(_LONGEST_HANG_SECONDS)
                self._answer(200, picture(name))
            case [status, times, name]:
                if seen_before < int(times):
                    self._answer(int(status), b"")
                else:
                    self._answer(200, picture(name))
            case ["text"]:
                self._answer(200, b"no picture at all")
            case [name]:
                self._answer(200, picture(name))

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def picture(name: str) -> bytes:
    """Draw a picture that no other name has."""
    seed = sum(ord(letter) * 7**place for place, letter in enumerate(name)) % 2**24
    buffer = BytesIO()
    Image.new("RGB", (64, 48), f"#{seed:06x}").save(buffer, "png")
    return buffer.getvalue()
