"""Where things may stand, as far as no linter knows it."""

import ast
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "cli",
    "command_api",
    "streams",
    "projections",
    "query_api",
    "read_models",
    "infra",
    "avro_schemas",
    "domain",
    "backup",
)
MOST_LINES = 300

GRAB_BAGS = frozenset(
    f"{word}{ending}"
    for word in ("util", "helper", "common", "misc", "shared", "manager", "service", "handler")
    for ending in ("", "s")
)
NAMED_FOR_WHAT_THEY_ARE = {
    "cli.local_platform.services": "the processes that `scalehoster up` calls services",
}
MOST_MODULES = 20

# Of what opens a server, a store or a message: what parsing, printing and drawing need.
OPENED_BY_THE_CLI = {
    "avro_schemas.encryption": "every command reads with the keys of its installation",
    "infra.blobs.durable_files": "files with a key of the demo, or the secret of a data directory",
    "infra.blobs.entries": "an unknown blob is printed",
    "infra.cassandra.generations": "the state of a rebuild is drawn",
    "infra.kafka.admin": "`topics` is an admin step; `up` and `doctor` take it too",
    "infra.kafka.client": "names the type of a connection",
    "infra.kafka.offsets.lag": "`doctor` prints it",
    "infra.kafka.offsets.log_bounds": "`up` makes the views from where the log begins",
    "infra.kafka.topics": "names of topics are parsed and printed",
}

# What infra may know of the domain: ids, errors, the layout of keys, and what every command and
# every event carries; no decision, and no command or event of its own. A dead letter is infra's own
# message; its class lies where the classes of all messages do.
SHARED_VOCABULARY = frozenset(
    {
        "domain.values",
        "domain.errors",
        "domain.asset.blob_keys",
        "domain.commands",
        "domain.dead_letter",
        "domain.events",
    }
)


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of the product: its name and its file."""
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            yield ".".join(part for part in parts if part != "__init__"), file


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(
        *PACKAGES, "bench", "tests", include_external_packages=True, cache_dir=None
    )


def test_no_module_is_a_grab_bag() -> None:
    found = {
        name
        for name, _ in modules()
        if not GRAB_BAGS.isdisjoint(name.rpartition(".")[2].split("_"))
    }
    assert found == set(NAMED_FOR_WHAT_THEY_ARE)


def test_every_module_opens_with_one_sentence() -> None:
    openings = {
        name: (ast.get_docstring(ast.parse(file.read_text("utf-8"))) or "").partition("\n\n")[0]
        for name, file in modules()
    }
    wrong = {name: text for name, text in openings.items() if not is_one_sentence(text)}
    assert not wrong


def is_one_sentence(text: str) -> bool:
    return text.endswith((".", ":", "…")) and ". " not in " ".join(text.split())


def test_no_module_is_long_enough_for_two_ideas() -> None:
    lengths = {name: len(file.read_text("utf-8").splitlines()) for name, file in modules()}
    assert not {name: length for name, length in lengths.items() if length > MOST_LINES}


def test_infra_knows_nothing_of_the_application() -> None:
    """Whatever another event-sourced system could not use as it stands belongs elsewhere."""
    known = {
        (name, imported)
        for name in graph().modules
        if name.partition(".")[0] == "infra"
        for imported in graph().find_modules_directly_imported_by(name)
        if imported.partition(".")[0] == "domain" and imported not in SHARED_VOCABULARY
    }
    assert not known


def test_the_cli_holds_no_workflow() -> None:
    """It opens no producer, consumer, CQL session or blob store, and reads no message."""
    opened = {
        imported
        for name in graph().modules
        if name.partition(".")[0] == "cli"
        for imported in graph().find_modules_directly_imported_by(name)
        if imported.startswith(
            ("avro_schemas.", "infra.blobs.", "infra.cassandra.", "infra.kafka.")
        )
    }
    assert opened == set(OPENED_BY_THE_CLI)


def test_infra_http_holds_only_what_both_apis_need() -> None:
    for name in graph().find_children("infra.http"):
        assert {"command_api", "query_api"} <= packages_that_need(name), name


def packages_that_need(module: str) -> set[str]:
    """Who outside of infra imports this module, directly or by way of others in infra."""
    reached, found = set[str](), set[str]()
    waiting = {module, *graph().find_descendants(module)}
    while waiting:
        reached.add(name := waiting.pop())
        for importer in graph().find_modules_that_directly_import(name):
            package = importer.partition(".")[0]
            if package != "infra":
                found.add(package)
            elif importer not in reached:
                waiting.add(importer)
    return found & set(PACKAGES)


def test_one_public_class_name_has_one_meaning() -> None:
    homes = defaultdict[str, list[str]](list)
    for name, file in modules():
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(name)
    assert not {name: found for name, found in homes.items() if len(found) > 1}


def test_no_folder_holds_more_modules_than_a_person_takes_in() -> None:
    folders = Counter(
        file.parent.relative_to(ROOT) for _, file in modules() if file.name != "__init__.py"
    )
    assert not {str(folder): count for folder, count in folders.items() if count > MOST_MODULES}


def test_the_product_knows_neither_tests_nor_bench() -> None:
    for name in graph().modules:
        if name.partition(".")[0] in PACKAGES:
            imported = graph().find_modules_directly_imported_by(name)
            outside = {module.partition(".")[0] for module in imported} & {"tests", "bench"}
            assert not outside, f"{name} imports {outside}"


def test_a_replay_could_tell_nobody() -> None:
    """Webhooks and the live feed begin with records, and only dead letters are sent from here."""
    reached = graph().find_upstream_modules("projections", as_package=True)
    ours = {
        name
        for name in graph().modules
        if name.startswith("projections.") or (name.startswith("read_models.") and name in reached)
    }
    senders = {
        importer
        for name in (
            "infra.kafka.producer",
            "infra.kafka.transactions",
            "infra.decider_runtime.command_client",
        )
        for importer in graph().find_modules_that_directly_import(name)
    }
    assert ours & senders == {"projections.dead_letter_producer"}


def test_the_domain_needs_the_standard_library_only() -> None:
    """Import-linter can only forbid libraries that somebody thought of."""
    needed = {
        imported
        for name, file in modules()
        if name.partition(".")[0] == "domain"
        for imported in imported_packages(file)
    }
    assert needed - sys.stdlib_module_names == {"domain"}


def imported_packages(file: Path) -> set[str]:
    found = set[str]()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


def test_only_a_main_and_the_cli_read_the_settings() -> None:
    """Everything else is handed the parts it needs."""
    readers = {
        name for name, file in modules() if ("infra.settings", "load") in imported_names(file)
    }
    assert {name for name in readers if not name.startswith("cli.")} <= {
        name for name, _ in modules() if name.endswith(".__main__")
    }


def imported_names(file: Path) -> set[tuple[str, str]]:
    tree = ast.parse(file.read_text("utf-8"))
    return {
        (node.module or "", alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
