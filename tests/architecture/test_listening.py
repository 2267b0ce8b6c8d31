"""Nothing of ours listens to more than this machine unless a setting says so."""

import ast
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel

from infra.settings import Settings
from tests.architecture.test_layout import modules


def defaults(group: type[BaseModel], path: str = "") -> Iterator[tuple[str, object]]:
    """Every setting below a group, by its path, with its default."""
    for name, field in group.model_fields.items():
        default = field.get_default(call_default_factory=False)
        if isinstance(default, BaseModel):
            yield from defaults(type(default), f"{path}{name}.")
        else:
            yield f"{path}{name}", default


def test_every_host_is_loopback_by_default() -> None:
    hosts = {
        path: str(default)
        for path, default in defaults(Settings)
        if path.rpartition(".")[2] == "host"
    }
    assert {"command_api.host", "query_api.host"} <= set(hosts)
    assert all(ip_address(host).is_loopback for host in hosts.values()), hosts


def test_every_base_url_is_loopback_by_default() -> None:
    urls = {path: str(default) for path, default in defaults(Settings) if path.endswith("base_url")}
    assert urls
    assert all(ip_address(urlsplit(url).hostname or "").is_loopback for url in urls.values()), urls


def test_metrics_are_told_to_this_machine_only() -> None:
    """The library's own default is every interface."""
    calls = [call for _, file in modules() for call in calls_of(file, "start_http_server")]
    assert calls
    for file, call in calls:
        addresses = [*call.args[1:2], *(k.value for k in call.keywords if k.arg == "addr")]
        values = [node.value for node in addresses if isinstance(node, ast.Constant)]
        assert values == ["127.0.0.1"], f"{file.name}:{call.lineno}"


def calls_of(file: Path, name: str) -> Iterator[tuple[Path, ast.Call]]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(name):
            yield file, node
