"""What a process refuses to start with, each by the name of its variable."""

from pathlib import Path

import pytest
import typer

from cli.commands.demo import run_demo
from cli.commands.keys import create
from infra.errors import SettingsWrong
from infra.settings import load

GOOD, OTHER = "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "another secret of words that is long enough"
SECRET = "SCALEHOSTER_SECRET"
WRAPPING_KEYS = "SCALEHOSTER_KEYS__WRAPPING_KEYS"
KAFKA = "SCALEHOSTER_KAFKA__HOST"
CASSANDRA = "SCALEHOSTER_CASSANDRA__HOST"
STORE = "SCALEHOSTER_BLOBS__S3_ENDPOINT"

NOT_SECRETS = {
    "an empty last part": f"{GOOD},",
    "an empty first part": f",{GOOD}",
    "an empty part between": f"{GOOD},,{OTHER}",
    "nothing but commas": ",",
    "one character": "x",
    "31 characters": GOOD[:31],
    "a former one that is short": f"{GOOD},old",
    "a blank one": " " * 40,
    "a line break that was pasted along": f"{GOOD}\n",
    "a blank after the comma": f"{GOOD}, {OTHER}",
    "one character over and over": "a" * 64,
    "one word over and over": "changeme" * 5,
}

PRODUCTION = {
    "SCALEHOSTER_ENVIRONMENT": "production",
    SECRET: GOOD,
    WRAPPING_KEYS: OTHER,
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """A data directory without anything, and no secret."""
    for name in (SECRET, WRAPPING_KEYS, KAFKA, CASSANDRA, STORE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SCALEHOSTER_DATA_DIR", str(tmp_path))
    return monkeypatch


def set_all(environment: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        environment.setenv(name, value)


@pytest.mark.parametrize("name", [SECRET, WRAPPING_KEYS])
@pytest.mark.parametrize("text", NOT_SECRETS.values(), ids=NOT_SECRETS)
def test_what_is_no_secret_is_refused_in_every_environment(
    name: str, text: str, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv(name, text)
    with pytest.raises(SettingsWrong, match=name) as refused:
        load()
    assert GOOD[:31] not in str(refused.value)


def test_secrets_are_kept_in_their_order(environment: pytest.MonkeyPatch) -> None:
    environment.setenv(SECRET, f"{GOOD},{OTHER}")
    assert load().installation_secrets().texts == (GOOD, OTHER)


def test_no_secret_shows_itself_where_settings_are_printed(environment: pytest.MonkeyPatch) -> None:
    set_all(environment, {SECRET: GOOD, WRAPPING_KEYS: OTHER})
    assert GOOD not in repr(load())
    assert OTHER not in repr(load())


def test_unset_is_the_one_that_up_made(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{OTHER}\n")
    assert load().installation_secrets().texts == (OTHER,)


@pytest.mark.parametrize("made", [None, "", "x", f"{GOOD},"])
def test_no_process_goes_on_with_an_empty_secret(
    made: str | None, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if made is not None:
        (tmp_path / "secret").write_text(made)
    with pytest.raises(SettingsWrong, match=SECRET):
        load().installation_secrets()


def test_production_starts_with_secrets_of_its_own(environment: pytest.MonkeyPatch) -> None:
    set_all(environment, PRODUCTION)
    assert load().decoders_must_be_filtered


def test_development_decodes_without_a_filter(environment: pytest.MonkeyPatch) -> None:
    assert not load().decoders_must_be_filtered


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        (SECRET, ""),
        (WRAPPING_KEYS, ""),
        ("SCALEHOSTER_FETCH__ALLOWED_ORIGINS", '["127.0.0.1:80"]'),
        (KAFKA, "kafka.internal"),
        (KAFKA, "10.0.0.7"),
        (CASSANDRA, "cassandra.internal"),
        (CASSANDRA, "fd00::7"),
        (STORE, "http://minio.internal:9000"),
    ],
)
def test_production_refuses_by_name(
    variable: str, value: str, environment: pytest.MonkeyPatch
) -> None:
    set_all(environment, PRODUCTION | {variable: value})
    with pytest.raises(SettingsWrong, match=variable):
        load()


@pytest.mark.parametrize(
    ("variable", "value", "trust"),
    [
        (KAFKA, "kafka.internal", "SCALEHOSTER_KAFKA__TRUSTED_NETWORK"),
        (CASSANDRA, "10.0.0.7", "SCALEHOSTER_CASSANDRA__TRUSTED_NETWORK"),
        (STORE, "http://minio.internal:9000", "SCALEHOSTER_BLOBS__TRUSTED_NETWORK"),
    ],
)
def test_a_network_is_trusted_only_by_saying_so(
    variable: str, value: str, trust: str, environment: pytest.MonkeyPatch
) -> None:
    set_all(environment, PRODUCTION | {variable: value, trust: "true"})
    load()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        (KAFKA, "localhost"),
        (KAFKA, "127.0.0.9"),
        (CASSANDRA, "::1"),
        (STORE, "http://localhost:9000"),
        (STORE, "https://s3.example"),
    ],
)
def test_loopback_and_tls_need_no_trust(
    variable: str, value: str, environment: pytest.MonkeyPatch
) -> None:
    set_all(environment, PRODUCTION | {variable: value})
    load()


def test_production_refuses_a_directory_that_holds_keys_of_the_demo(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_all(environment, PRODUCTION)
    (tmp_path / "demo-api-key").write_text("shk_")
    with pytest.raises(SettingsWrong, match=r"SCALEHOSTER_DATA_DIR.*demo-api-key"):
        load()


def test_production_names_all_that_is_wrong_at_once(environment: pytest.MonkeyPatch) -> None:
    set_all(environment, PRODUCTION | {SECRET: "", KAFKA: "10.0.0.7", CASSANDRA: "10.0.0.8"})
    with pytest.raises(SettingsWrong, match=f"(?s){SECRET}.*{KAFKA}.*{CASSANDRA}"):
        load()


def test_production_lets_nobody_in_with_a_key_of_the_demo(
    environment: pytest.MonkeyPatch,
) -> None:
    assert load().refused_tenants == frozenset()
    set_all(environment, PRODUCTION)
    assert load().refused_tenants == {"demo"}


def test_production_runs_no_demo_and_makes_it_no_key(environment: pytest.MonkeyPatch) -> None:
    set_all(environment, PRODUCTION)
    with pytest.raises(SettingsWrong, match="SCALEHOSTER_ENVIRONMENT"):
        run_demo(as_json=True)
    with pytest.raises(typer.BadParameter, match="production"):
        create(tenant="demo")
