"""Importing a file through the real command API, with a decider in the same process."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from cli.api_client import ApiProblem, ApiUnreachable
from cli.batch_import.import_file import NotAnImport, open_import_file, with_defaults
from cli.batch_import.journal import ImportJournal, open_import_journal
from cli.batch_import.upload import ImportStopped, import_lines, refused_texts
from command_api.app import CommandApiParts, create_app
from command_api.ids import uuid7
from domain.outcomes import Outcome, outcome_in
from infra.decider_runtime.pending_replies import PendingReplies
from infra.http.authentication.api_key_table import ApiKeyTable
from infra.settings import Settings
from read_models.dead_letters import DeadLetterQueue
from tests.support.api_keys import Keys
from tests.support.fakes.fake_decider import FakeDecider
from tests.support.fakes.memory_asset_scan import MemoryWalk
from tests.support.fakes.memory_blob_store import MemoryBlobStore
from tests.support.fakes.memory_dead_letters import MemoryDeadLetterLog
from tests.support.fakes.memory_maintenance_tasks import MemoryRequestBook
from tests.support.fakes.memory_webhooks import memory_webhooks

Told = list[dict[str, Any]]
MOST = 64_000
PATH = "/v1/assets/batch"


@dataclass(kw_only=True)
class Api:
    """Sends as cli.api_client.Api does; ``troubles`` come first, one a request."""

    client: TestClient
    decider: FakeDecider
    troubles: list[Exception | Callable[[Told], Told]] = field(default_factory=list)
    chunks: int = 0
    pauses: list[float] = field(default_factory=list)

    def send(self, lines: bytes) -> Told:
        self.chunks += 1
        trouble = self.troubles.pop(0) if self.troubles else None
        if isinstance(trouble, Exception):
            raise trouble
        headers = {"content-type": "application/x-ndjson", "idempotency-key": "k"}
        answer = self.client.post(PATH, content=lines, headers=headers)
        assert answer.status_code == 200, answer.text
        told = [json.loads(line) for line in answer.content.splitlines()]
        return trouble(told) if trouble else told

    @property
    def inserted(self) -> int:
        return [type(event).__name__ for event in self.decider.events].count("AssetSubmitted")


@pytest.fixture
def api() -> Iterator[Api]:
    """Speaks for a tenant with the category cats."""
    keys, outcomes = Keys(ApiKeyTable()), PendingReplies[Outcome](partition=0, reply_in=outcome_in)
    decider = FakeDecider(outcomes)
    parts = CommandApiParts(
        keys=keys.table,
        sender=decider,
        outcomes=outcomes,
        blobs=MemoryBlobStore(),
        open_preview_assets=MemoryWalk,
        dead_letter_queue=DeadLetterQueue(MemoryDeadLetterLog(), lambda: datetime.now(UTC)),
        webhooks=memory_webhooks(),
        probes={},
        open_task_store=MemoryRequestBook,
        now=lambda: datetime.now(UTC),
        new_id=uuid7,
    )
    app, _ = create_app(Settings(), parts)
    headers = {"authorization": f"Bearer {keys.add(['assets:write'])}"}
    with TestClient(app, headers=headers) as client:
        assert client.post("/v1/categories", json={"name": "Cats"}).status_code == 201
        yield Api(client=client, decider=decider)


def written(tmp_path: Path, count: int, *extra: str, category: str = "cats") -> Path:
    file = tmp_path / "pictures.csv"
    rows = [f"https://example.com/{number}.jpg,{category}" for number in range(count)]
    file.write_text("\n".join(["download_url,category", *rows, *extra]))
    return file


def run(api: Api, tmp_path: Path, file: Path, category: str | None = None) -> ImportJournal:
    with (
        open_import_file(str(file), MOST) as source,
        open_import_journal(tmp_path / "j", "x") as journal,
    ):
        for _ in import_lines(
            source, journal, api.send, category=category, sleep=api.pauses.append
        ):
            pass
    return journal


def test_a_file_is_imported_in_chunks(api: Api, tmp_path: Path) -> None:
    journal = run(api, tmp_path, written(tmp_path, 2_500))
    assert (journal.lines, journal.accepted, journal.refused) == (2_500, 2_500, [])
    assert (api.chunks, api.inserted) == (3, 2_500)
    assert not list((tmp_path / "j").glob("*.ndjson"))


def test_refused_lines_are_told_as_counted_in_the_file(api: Api, tmp_path: Path) -> None:
    file = written(
        tmp_path, 2, "https://example.com/x.jpg,dogs", "a,b,c", "http://10.0.0.1/,cats", "u,cats"
    )
    with (
        open_import_file(str(file), MOST) as source,
        open_import_journal(tmp_path / "j", "x") as journal,
    ):
        assert list(import_lines(source, journal, api.send)) == [6]
        kept = list(refused_texts(source, journal.refused))
    assert [each["line"] for each in journal.refused] == [4, 5, 6, 7]
    assert journal.accepted == 2
    assert [json.loads(text)["download_url"] for text in kept] == [
        "https://example.com/x.jpg",
        "http://10.0.0.1/",
        "u",
    ]


def test_an_interrupted_import_goes_on_where_it_was(api: Api, tmp_path: Path) -> None:
    file = written(tmp_path, 2_500, "u,cats")
    with (  # noqa: PT012 - it is interrupted inside
        pytest.raises(KeyboardInterrupt),
        open_import_file(str(file), MOST) as source,
        open_import_journal(tmp_path / "j", "x") as journal,
    ):
        for done in import_lines(source, journal, api.send):
            assert done == 1_000
            raise KeyboardInterrupt
    assert (api.chunks, api.inserted) == (1, 1_000)
    journal = run(api, tmp_path, file)
    assert (api.chunks, api.inserted) == (3, 2_500)
    assert (journal.lines, journal.accepted) == (2_501, 2_500)
    assert [each["line"] for each in journal.refused] == [2_502]


def test_a_journal_that_a_crash_left_torn_is_read_to_its_last_whole_line(tmp_path: Path) -> None:
    place = tmp_path / "j.ndjson"
    journal = ImportJournal(place)
    journal.add(accepted=3, refused=[])
    journal.add(accepted=1, refused=[{"line": 5, "problem": {}}])
    place.write_bytes(place.read_bytes()[:-4])
    again = ImportJournal(place)
    assert (again.lines, again.refused) == (3, [])
    again.add(accepted=2, refused=[])
    assert ImportJournal(place).lines == 5


def test_a_finished_import_may_be_typed_again(api: Api, tmp_path: Path) -> None:
    for _ in range(2):
        assert run(api, tmp_path, written(tmp_path, 10)).accepted == 10
    assert api.inserted == 10


def undecided(told: Told) -> Told:
    last = {"line": told[-1]["line"], "status": "undecided", "problem": {"detail": "not in time"}}
    return [*told[:-1], last]


def cut_off(told: Told) -> Told:
    return told[:-1]


def test_trouble_that_passes_is_waited_out(api: Api, tmp_path: Path) -> None:
    api.troubles = [
        ApiUnreachable("refused"),
        ApiProblem(503, {}),
        ApiProblem(429, {}),
        undecided,
        cut_off,
    ]
    assert run(api, tmp_path, written(tmp_path, 10)).accepted == 10
    assert api.inserted == 10
    assert len(api.pauses) == 5


def test_trouble_that_stays_stops_the_import_and_nothing_is_lost(api: Api, tmp_path: Path) -> None:
    file = written(tmp_path, 1_500)
    api.troubles = [lambda told: told, *[ApiUnreachable("refused")] * 6]
    with pytest.raises(ImportStopped, match="type the same again"):
        run(api, tmp_path, file)
    assert run(api, tmp_path, file).accepted == 1_500
    assert api.inserted == 1_500
    assert api.chunks == 8


def test_what_no_waiting_helps_is_told_at_once(api: Api, tmp_path: Path) -> None:
    api.troubles = [ApiProblem(401, {"title": "The API key is not valid."})]
    with pytest.raises(ApiProblem, match="not valid"):
        run(api, tmp_path, written(tmp_path, 10))
    assert api.pauses == []


def test_an_indented_array_is_imported_too(api: Api, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    items = [{"download_url": f"https://example.com/{n}", "category": "cats"} for n in range(3)]
    file.write_text(json.dumps(items, indent=2))
    assert run(api, tmp_path, file).accepted == 3


def test_a_category_is_given_to_lines_that_name_none(api: Api, tmp_path: Path) -> None:
    file = written(tmp_path, 3, "https://example.com/x.jpg,dogs", category="")
    journal = run(api, tmp_path, file, category="cats")
    assert journal.accepted == 3
    assert [each["line"] for each in journal.refused] == [5]


@pytest.mark.parametrize(
    "text", [b"{", b"7", b'{"categories": [], "duplicates": "keep"}', b"[" * 9_000]
)
def test_lines_that_nothing_can_be_added_to_stay_as_they_are(text: bytes) -> None:
    assert with_defaults(text, "cats", "refuse") == text
    assert with_defaults(b"{}", None, None) == b"{}"


def test_what_a_line_does_not_say_is_said_for_it() -> None:
    line = json.dumps({"category": "dogs"}).encode()
    said = json.loads(with_defaults(line, "cats", "refuse"))
    assert said == {"category": "dogs", "duplicates": "refuse"}
    line = json.dumps({"duplicates": "return"}).encode()
    said = json.loads(with_defaults(line, "cats", "refuse"))
    assert said == {"category": "cats", "duplicates": "return"}


def test_a_file_of_another_kind_is_told_so(tmp_path: Path) -> None:
    with (
        pytest.raises(NotAnImport, match=r"\.csv"),
        open_import_file(str(tmp_path / "a.xlsx"), MOST),
    ):
        pass
