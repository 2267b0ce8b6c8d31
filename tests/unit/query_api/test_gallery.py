"""The gallery: what its page loads is served, and it may load nothing else."""

import re

from starlette.testclient import TestClient


def test_all_that_the_page_and_its_scripts_name_is_served(nobody: TestClient) -> None:
    page = nobody.get("/")
    assert page.headers["content-type"].startswith("text/html")
    todo = set(re.findall(r'(?:src|href)="(gallery/[^"]+)"', page.text))
    seen: set[str] = set()
    while todo:
        path = todo.pop()
        seen.add(path)
        part = nobody.get(f"/{path}").raise_for_status()
        todo |= {f"gallery/{name}" for name in re.findall(r'from "\./([^"]+)"', part.text)} - seen
    assert {"gallery/main.js", "gallery/style.css", "gallery/thumbhash.js"} <= seen


def test_the_page_may_run_nothing_from_elsewhere(nobody: TestClient) -> None:
    page = nobody.get("/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "img-src 'self' data: https://img.example;" in policy
    assert not re.search(r"https?://|<style|style=|<script>|onclick=", page.text)


def test_a_browser_that_has_a_part_gets_it_not_again(nobody: TestClient) -> None:
    tag = nobody.get("/gallery/main.js").headers["etag"]
    again = nobody.get("/gallery/main.js", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_there_is_nothing_else_beside_it(nobody: TestClient) -> None:
    for name in ("nothing.js", "%2e%2e%2fapp.py", "__init__.py"):
        assert nobody.get(f"/gallery/{name}").status_code == 404
