"""``.env.example`` shows every setting, each with its default."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from infra.settings import Settings, load

EXAMPLE = Path(__file__).parents[2] / ".env.example"
LINES = EXAMPLE.read_text("utf-8").splitlines()
SHOWN = dict(line.split("=", 1) for line in LINES if line and not line.startswith("#"))
PREFIX = "SCALEHOSTER_"


def variables(group: type[BaseModel], prefix: str = PREFIX) -> Iterator[str]:
    """The variable of every setting below a group."""
    for name, field in group.model_fields.items():
        default = field.get_default(call_default_factory=False)
        if isinstance(default, BaseModel):
            yield from variables(type(default), f"{prefix}{name.upper()}__")
        else:
            yield prefix + name.upper()


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment in which nothing is set."""
    for name in variables(Settings):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_every_setting_is_shown_and_nothing_else() -> None:
    assert sorted(SHOWN) == sorted(variables(Settings))


def test_no_setting_is_shown_twice() -> None:
    names = [line.partition("=")[0] for line in LINES if line.startswith(PREFIX)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("variable", SHOWN)
def test_each_value_shown_is_the_default(variable: str, bare: pytest.MonkeyPatch) -> None:
    default = load()
    bare.setenv(variable, SHOWN[variable])
    assert load() == default


@pytest.mark.parametrize("variable", SHOWN)
def test_each_setting_is_explained_on_the_lines_above(variable: str) -> None:
    line = next(n for n, text in enumerate(LINES) if text.startswith(f"{variable}="))
    assert LINES[line - 1].startswith("# ")
