"""A supplier's server on loopback: pictures nobody else has, and every way to fail."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from threading import Event, Lock, Thread

from PIL import Image

_ORIENTATION = 0x0112


@cache
def picture(number: int, orientation: int = 1) -> bytes:
    """Make a small JPEG whose upper half is red and whose colour below tells its number.

    With an EXIF orientation the stored pixels are turned so that it shows the same picture.
    """
    upright = Image.new("RGB", (96, 64), (number % 256, number // 256 % 256, 120))
    upright.paste((220, 20, 20), (0, 0, 96, 32))
    turned = {
        1: lambda image: image,
        3: lambda image: image.transpose(Image.Transpose.ROTATE_180),
        6: lambda image: image.transpose(Image.Transpose.ROTATE_90),
        8: lambda image: image.transpose(Image.Transpose.ROTATE_270),
    }[orientation](upright)
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    written = BytesIO()
    turned.save(written, "JPEG", quality=95, exif=exif)
    return written.getvalue()


class Supplier:
    """Serves until it is stopped; ``asked`` counts what was fetched, ``sent`` what was not spared.

    ``revisions`` says which picture ``/revised/NAME.jpg`` is, and is its entity tag.
    """

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.revisions: Counter[str] = Counter()
        self.stopping = Event()
        self._lock = Lock()
        supplier = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                supplier.answer(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, daemon=True)

    def url(self, path: str) -> str:
        return f"http://{self.host}/{path}"

    @contextmanager
    def running(self) -> Iterator["Supplier"]:
        self._thread.start()
        yield self
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        with self._lock:
            self.asked[handler.path] += 1
            times = self.asked[handler.path]
        match re.split(r"[/.]", handler.path.strip("/")):
            case ["picture", number, *_]:
                _send(handler, picture(int(number)))
            case ["revised", name, *_]:
                self._send_if_changed(handler, self.revisions[name])
            case ["turned", orientation, *_]:
                _send(handler, picture(7, int(orientation)))
            case ["flaky", number, *_]:
                if times <= 2:
                    handler.send_error(503)
                else:
                    _send(handler, picture(int(number)))
            case ["hanging", number, *_]:
                if times == 1:
                    self.stopping.wait(30)
                else:
                    _send(handler, picture(int(number)))
            case ["page", *_]:
                _send(handler, b"<!doctype html><p>no picture", "text/html")
            case ["torn", *_]:
                _send(handler, picture(1)[:600])
            case ["inside", *_]:
                handler.send_response(302)
                handler.send_header("Location", "http://10.0.0.1/secret.jpg")
                handler.end_headers()
            case _:
                handler.send_error(404)

    def _send_if_changed(self, handler: BaseHTTPRequestHandler, revision: int) -> None:
        etag = f'"{revision}"'
        if handler.headers["If-None-Match"] == etag:
            handler.send_response(304)
            handler.end_headers()
            return
        with self._lock:
            self.sent[handler.path] += 1
        _send(handler, picture(revision), etag=etag)


def _send(
    handler: BaseHTTPRequestHandler,
    body: bytes,
    media_type: str = "image/jpeg",
    etag: str | None = None,
) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", media_type)
    if etag:
        handler.send_header("ETag", etag)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
