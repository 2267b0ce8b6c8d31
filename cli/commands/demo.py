"""The demo: real photographs from a supplier's server, imported, hosted and listed."""

import json
from dataclasses import dataclass
from typing import Any

from rich.progress import TimeElapsedColumn

from cli.api_client import ApiClient, ApiProblem
from cli.commands.keys import refuse_erased
from cli.demo_keys import DemoKeys
from cli.local_platform.platform import Platform, local_platform
from cli.output import console, progress_bars, say, show_table
from cli.polling import wait_for
from cli.sample_server import BAD_SOURCES, DemoSample, samples, serve_samples
from domain.values import TenantId
from infra.encryption import installation_keyring
from infra.errors import SettingsWrong
from infra.http.authentication.api_keys import Scope, create_api_key
from infra.production_checks import DEMO_TENANT
from infra.settings import load

_TENANT = TenantId(DEMO_TENANT)
_DONE_SECONDS = 180.0
_LISTED_SECONDS = 30.0
_CONFLICT = 409
_ENDED = frozenset({"published", "rejected", "deleted", "purged"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedSample:
    """One line of the import and the asset it became."""

    sample: DemoSample
    asset_id: str


def run_demo(*, as_json: bool) -> None:
    """Start the platform, import the samples, and show where they are.

    A second run finds the first one's pictures and imports nothing twice. Raises a ScaleHosterError
    that says what to do, in production too: its key may do everything and lies in a file.
    """
    if load().refused_tenants:
        raise SettingsWrong("the demo runs in development only; see SCALEHOSTER_ENVIRONMENT")
    with serve_samples(load().demo_origin_port) as origin:
        host = origin.removeprefix("http://")
        platform = local_platform({"SCALEHOSTER_FETCH__ALLOWED_ORIGINS": json.dumps([host])})
        platform.up(say)
        keys = demo_keys(platform)
        key = keys.own()
        settings = platform.settings
        with (
            ApiClient(settings.command_base_url, key) as commands,
            ApiClient(settings.query_base_url, key) as queries,
        ):
            _create_categories(commands)
            imported = [_submit(commands, origin, sample) for sample in (*samples(), *BAD_SOURCES)]
            assets = _wait_until_ended(platform, queries, imported)
            _wait_until_listed(queries, assets)
            gallery = f"{settings.query_base_url}/#key={keys.of_the_gallery()}"
            _show(queries, assets, gallery, as_json=as_json)


def demo_keys(platform: Platform) -> DemoKeys:
    """Find the keys of tenant demo, beside the platform's data."""
    settings = platform.settings

    def issue(scopes: tuple[Scope, ...], name: str) -> str:
        refuse_erased(installation_keyring(settings), _TENANT)
        _, text = create_api_key(settings.kafka.connection(), _TENANT, scopes, name)
        return text

    def is_accepted(key: str) -> bool:
        with ApiClient(settings.query_base_url, key) as queries:
            try:
                queries.get("/v1/categories")
            except ApiProblem:
                return False
            return True

    return DemoKeys(directory=platform.directory, issue=issue, is_accepted=is_accepted)


def _create_categories(commands: ApiClient) -> None:
    for slug in sorted({sample.category for sample in samples()}):
        body = {"name": slug.replace("-", " ").capitalize(), "slug": slug}
        try:
            commands.post("/v1/categories", body, f"demo-category-{slug}")
        except ApiProblem as refused:
            if refused.status != _CONFLICT:  # it exists, made some other way
                raise


def _submit(commands: ApiClient, origin: str, sample: DemoSample) -> ImportedSample:
    answer = commands.post(
        "/v1/assets",
        {
            "download_url": f"{origin}/{sample.file}",
            "category": sample.category,
            "title": sample.title,
            "alt_text": sample.alt_text,
        },
        f"demo-{origin}-{sample.file}",
    )
    return ImportedSample(sample=sample, asset_id=answer.body["asset_id"])


def _wait_until_ended(
    platform: Platform, queries: ApiClient, imported: list[ImportedSample]
) -> list[dict[str, Any]]:
    ended: dict[str, dict[str, Any]] = {}
    with progress_bars(TimeElapsedColumn()) as progress:
        task = progress.add_task("fetching and rendering", total=len(imported))

        def all_ended() -> bool:
            platform.check_services()
            for one in imported:
                if one.asset_id in ended:
                    continue
                asset = _asset(queries, one.asset_id)
                if asset and asset["status"] in _ENDED:
                    ended[one.asset_id] = asset
                    progress.advance(task)
            return len(ended) == len(imported)

        wait_for(all_ended, "every picture to be published or rejected", _DONE_SECONDS)
    return [ended[one.asset_id] for one in imported]


def _wait_until_listed(queries: ApiClient, assets: list[dict[str, Any]]) -> None:
    published = {asset["asset_id"] for asset in assets if asset["status"] == "published"}

    def all_listed() -> bool:
        return published <= {item["asset_id"] for item in _listing(queries, "/v1/assets?limit=200")}

    wait_for(all_listed, "the listing by date to show them", _LISTED_SECONDS)


def _asset(queries: ApiClient, asset_id: str) -> dict[str, Any] | None:
    try:
        found = queries.get(f"/v1/assets/{asset_id}").body
    except ApiProblem:  # the view has not got there yet
        return None
    return dict(found)


def _listing(queries: ApiClient, path: str) -> list[dict[str, Any]]:
    return list(queries.get(path).body["items"])


def _show(queries: ApiClient, assets: list[dict[str, Any]], gallery: str, *, as_json: bool) -> None:
    by_category = {
        slug: _listing(queries, f"/v1/categories/{slug}/assets?limit=200")
        for slug in sorted({sample.category for sample in samples()})
    }
    by_date = _listing(queries, "/v1/assets?limit=200")
    rejected = [asset for asset in assets if asset["status"] == "rejected"]
    if as_json:
        console.out(
            json.dumps(
                {
                    "by_category": by_category,
                    "by_date": by_date,
                    "rejected": rejected,
                    "gallery": gallery,
                }
            )
        )
        return
    for slug, items in by_category.items():
        rows = [{"title": item["title"], "public url": item["public_url"]} for item in items]
        show_table(rows, as_json=False, title=f"\nassets by category: {slug}")
    rows = [
        {"created": item["created_at"][:19], "title": item["title"], "size": _size(item)}
        for item in by_date
    ]
    show_table(rows, as_json=False, title="\nassets by date, newest first")
    failures = [
        {
            "title": asset["title"],
            "code": asset["failure"]["code"],
            "detail": asset["failure"]["detail"],
        }
        for asset in rejected
    ]
    show_table(failures, as_json=False, title="\nrejected, and why")
    console.print(f"\nThe gallery: {gallery}", soft_wrap=True)
    console.print("The platform goes on running. Stop it with: make down")


def _size(item: dict[str, Any]) -> str:
    return f"{item['width']} x {item['height']}"
