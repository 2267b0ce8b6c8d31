"""Clients on a real socket of this machine that are silent, slow, or send too much."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from threading import Event

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from infra.http.application import install
from infra.http.body_limits import BodyLimits
from infra.http.connection_table import ConnectionLimits
from tests.support.eventually import eventually
from tests.support.loopback import Loopback, rest

BIG = 30_000_000  # more than the sockets between us and the client hold
LIMITS = ConnectionLimits(
    most=8,
    head_bytes=8_000,
    head_seconds=0.5,
    send_idle_seconds=0.5,
    send_seconds=60,
    look_seconds=0.1,
)
HEAD = b"GET /livez HTTP/1.1\r\nHost: here\r\n"


class Service(Loopback):
    """A small application; ``requests`` are those that reached it."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.may_answer = Event()
        app = FastAPI(title="sample")

        @app.get("/big")
        async def big(request: Request) -> Response:
            self.requests.append(request)
            return Response(b"x" * BIG)

        @app.get("/slow")
        def slow() -> str:
            self.may_answer.wait(30)
            return "done"

        @app.post("/raw")
        async def raw(request: Request) -> int:
            self.requests.append(request)
            return len(await request.body())

        readiness = install(
            app,
            service="sample",
            problem_base_url="http://problems.example",
            probes={},
            limits=BodyLimits(
                body_bytes=2_000_000, form_bytes=2_000_000, idle_seconds=0.5, total_seconds=60
            ),
        )
        super().__init__(app, readiness, LIMITS)

    def __exit__(self, *stopped: object) -> None:
        self.may_answer.set()
        super().__exit__(*stopped)


@pytest.fixture(scope="module")
def running() -> Iterator[Service]:
    with Service() as service:
        yield service


@pytest.fixture
def service(running: Service) -> Iterator[Service]:
    running.requests.clear()
    yield running
    eventually(running.is_idle, within_seconds=20)


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def problem_in(answer: bytes) -> dict[str, object]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head.lower()
    assert b"connection: close" in head.lower()
    found: dict[str, object] = json.loads(body)
    return found


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        HEAD,
        b"GET",
        b"\r\n" * 5,
        HEAD + b"\r\n",
        b"POST /raw HTTP/1.1\r\nContent-Length: 9\r\n",
    ],
    ids=["nothing", "half a head", "a word", "lines", "one request", "no end of the head"],
)
def test_a_connection_is_ended_when_no_request_comes(service: Service, sent: bytes) -> None:
    with service.client() as client:
        client.sendall(sent)
        assert (b"alive" in rest(client)) == sent.endswith(b"here\r\n\r\n")


@pytest.mark.parametrize(
    "began",
    [HEAD + b"X: ", HEAD + b"\r\n", b"POST /nowhere HTTP/1.1\r\nContent-Length: 9999\r\n\r\n"],
    ids=["a head", "the next head", "a body that nobody wants"],
)
def test_bytes_now_and_then_keep_no_connection_open(service: Service, began: bytes) -> None:
    with service.client() as client:
        client.sendall(began)
        client.settimeout(0.05)
        assert any(was_ended(client) for _ in range(400))


def was_ended(client: socket.socket) -> bool:
    """Send one more byte, and look whether the server has ended the connection."""
    try:
        client.sendall(b"x")
        return client.recv(1 << 16) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_a_body_that_stalls_is_answered_and_its_connection_ended(service: Service) -> None:
    with service.client() as client:
        client.sendall(b"POST /raw HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\nabc")
        answer = rest(client)
    assert status_of(answer) == 408
    assert problem_in(answer)["title"]


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"X: " + b"x" * 3_000_000,
        b"GET /" + b"x" * 3_000_000,
        HEAD + b"X: y\r\n" * 100_000,
        HEAD + b"X: " + b"x" * 9_000 + b"\r\n\r\n",
    ],
    ids=["one header", "address", "many headers", "a whole head"],
)
def test_a_head_that_is_too_large_is_refused_before_it_is_all_there(
    service: Service, head: bytes
) -> None:
    with service.client() as client:
        with suppress(ConnectionError):  # it is ended before all is taken
            client.sendall(head)
        answer = rest(client)
    if answer:  # the end of a connection may overtake what was said on it
        assert status_of(answer) == 431
        assert problem_in(answer)["max_head_bytes"] == LIMITS.head_bytes


def test_what_is_no_request_is_told_so(service: Service) -> None:
    with service.client() as client:
        client.sendall(b"\x16\x03\x01\x02\x00\x01\x00 hello")
        answer = rest(client)
    assert status_of(answer) == 400
    assert str(problem_in(answer)["type"]).endswith("/problems/malformed-request")


def test_what_stands_behind_a_body_is_bounded_and_adds_no_header(service: Service) -> None:
    chunked = (
        b"POST /raw HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"
    )
    with service.client() as client:
        client.sendall(chunked + b"Authorization: Bearer shk_late\r\n\r\n")
        assert rest(client).endswith(b"\r\n\r\n3")
    assert "authorization" not in service.requests[0].headers
    with service.client() as client:
        with suppress(ConnectionError):
            client.sendall(chunked + b"X: " + b"x" * 3_000_000)
        assert b" 200 " not in rest(client)


def test_a_client_that_takes_nothing_of_its_answer_is_ended(service: Service) -> None:
    with service.client() as client:
        client.sendall(b"GET /big HTTP/1.1\r\nHost: here\r\n\r\n")
        eventually(lambda: service.requests, within_seconds=20)
        eventually(service.is_idle, within_seconds=20)
        assert len(rest(client)) < BIG


def test_a_client_that_takes_its_answer_gets_all_of_it(service: Service) -> None:
    with service.client() as client:
        client.sendall(b"GET /big HTTP/1.1\r\nHost: here\r\n\r\n")
        assert len(rest(client)) > BIG


def test_silent_connections_shut_nobody_out(service: Service) -> None:
    """Three times as many as there may be: all others are answered."""
    answered = 0
    with ExitStack() as silent:
        for _ in range(24):
            silent.enter_context(service.client()).sendall(HEAD)
            with service.client() as client:
                client.sendall(HEAD + b"Connection: close\r\n\r\n")
                answered += b"alive" in rest(client)
            assert len(service.server.connections) <= LIMITS.most
    assert answered == 24


def test_readers_who_take_nothing_shut_nobody_out(service: Service) -> None:
    answered = 0
    with ExitStack() as slow:
        for _ in range(12):
            slow.enter_context(service.client()).sendall(b"GET /big HTTP/1.1\r\nHost: here\r\n\r\n")
        eventually(lambda: len(service.requests) >= LIMITS.most, within_seconds=20)
        for _ in range(20):
            with service.client() as client:
                client.sendall(HEAD + b"Connection: close\r\n\r\n")
                answered += b"alive" in rest(client)
    assert answered >= 18


def test_who_comes_while_all_are_at_work_is_told_to_come_again(service: Service) -> None:
    service.may_answer.clear()
    with ExitStack() as working:
        for _ in range(LIMITS.most):
            working.enter_context(service.client()).sendall(
                b"GET /slow HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
            )
        eventually(lambda: len(service.server.server_state.tasks) == LIMITS.most, within_seconds=20)
        with service.client() as client:
            answer = rest(client)
        assert status_of(answer) == 503
        assert b"retry-after: 1" in answer
        assert str(problem_in(answer)["type"]).endswith("/problems/overloaded")
        service.may_answer.set()


def test_only_some_requests_wait_behind_the_one_that_is_answered(service: Service) -> None:
    service.may_answer.clear()
    with service.client() as client:
        client.sendall(b"GET /slow HTTP/1.1\r\nHost: here\r\n\r\n" + (HEAD + b"\r\n") * 5_000)
        assert rest(client) == b""
    service.may_answer.set()


def test_a_few_requests_may_be_sent_at_once(service: Service) -> None:
    with service.client() as client:
        client.sendall((HEAD + b"\r\n") * 5)
        assert rest(client).count(b"alive") == 5
