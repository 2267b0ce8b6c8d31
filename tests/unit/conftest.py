"""What tests of several parts ask for."""

import socket

import pytest


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Refuse every connection and look-up, and remember where it would have gone."""
    seen: list[object] = []

    def refuse(first: object, *rest: object, **named: object) -> None:
        seen.append(rest[0] if isinstance(first, socket.socket) else first)
        raise ConnectionRefusedError

    for name in ("connect", "connect_ex", "sendto", "sendmsg"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    return seen
