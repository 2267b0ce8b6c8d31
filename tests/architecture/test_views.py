"""A view is a folder of read_models and a line of the registry; readiness follows from that."""

from read_models.registry import FORMER, QUERIED_VIEWS, VIEWS
from tests.architecture.test_layout import ROOT, graph


def test_every_folder_of_a_view_is_in_the_registry() -> None:
    known = {view.schema or view.name for view in (*VIEWS, *FORMER)}
    for part in ("projection.py", "schema.cql"):
        assert {file.parent.name for file in (ROOT / "read_models").glob(f"*/{part}")} == known


def test_the_query_api_is_ready_when_the_views_are_built_that_it_reads() -> None:
    imported = {
        module.split(".")[1]
        for name in graph().modules
        if name.partition(".")[0] == "query_api"
        for module in graph().find_modules_directly_imported_by(name)
        if module.startswith("read_models.")
    }
    read = {view.name for view in VIEWS if view.name in imported}
    assert read == {view.name for view in QUERIED_VIEWS}
