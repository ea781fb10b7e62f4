"""A mock that runs already, as under `whippy-mock exec`: WHIPPY_URL names it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from conftest import INI, Suite
from test_fixture import CLIENT

from pytest_whippy.server import StartedServer


@pytest.fixture
def running(server: StartedServer, monkeypatch: pytest.MonkeyPatch) -> StartedServer:
    """A mock that the environment names."""
    monkeypatch.setenv("WHIPPY_URL", server.url)
    monkeypatch.setenv("WHIPPY_TOKEN", server.token)
    return server


def worlds(server: StartedServer) -> list[str]:
    """The names of a server's worlds."""
    found = server.admin.call("GET", "worlds")["worlds"]
    return [world["name"] for world in found if world["name"] != "default"]


@pytest.mark.parametrize("arguments", [[], ["-n", "2"]])
def test_each_test_has_a_world_on_the_running_mock(
    suite: Suite, running: StartedServer, arguments: list[str]
) -> None:
    result = suite(
        CLIENT
        + f"""
@pytest.mark.parametrize("time", range(4))
def test_it(whippy, whippy_server, time):
    assert (whippy_server.pid, whippy_server.binary) == (None, None)
    assert whippy.url.startswith({running.url!r} + "/worlds/")
    reserve()
    assert reserved() == 1

def test_that_fails(whippy):
    reserve()
    assert False
""",
        *arguments,
    )
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(f"on the mock of WHIPPY_URL, {running.url}")
    [kept] = worlds(running)
    assert "test_that_fails" in kept


def test_a_second_session_meets_nothing_of_the_first(
    suite: Suite, running: StartedServer
) -> None:
    text = (
        CLIENT
        + """
def test_it(whippy):
    assert whippy.requests() == []
    reserve()
    assert False
"""
    )
    for _ in range(2):
        result = suite(text)
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines("E * assert False")
    assert len(worlds(running)) == 2


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("world", ["empty", "small.json"])
def test_the_option_names_the_seed_of_worlds_on_a_running_mock(
    suite: Suite, pytester: pytest.Pytester, world: str
) -> None:
    pytester.path.joinpath("small.json").write_text("{}")
    text = CLIENT + "\ndef test_it(whippy): assert ask('stocks/')['count'] == 0"
    suite(text, f"--whippy-world={world}").assert_outcomes(passed=1)


def test_an_admin_token_is_taken_from_the_environment(
    suite: Suite, binary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = StartedServer(binary, ["--admin-token", "secret"])
    try:
        monkeypatch.setenv("WHIPPY_URL", server.url)
        monkeypatch.setenv("WHIPPY_TOKEN", server.token)
        monkeypatch.setenv("WHIPPY_MOCK_ADMIN_TOKEN", "secret")
        suite("def test_it(whippy): pass").assert_outcomes(passed=1)
    finally:
        server.stop()


Exec = Callable[..., tuple[pytest.RunResult, dict[str, Any]]]


@pytest.fixture
def under_exec(pytester: pytest.Pytester, binary: Path) -> Exec:
    """Runs a suite under `whippy-mock exec`; the outcome, and what exec reports."""

    def run(text: str, *flags: str) -> tuple[pytest.RunResult, dict[str, Any]]:
        pytester.makeini(f"{INI}whippy_fail_on = note\n")
        pytester.makepyfile(text)
        report = pytester.path / "report.json"
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
        result = pytester.run(
            binary, "exec", f"--report=json={report}", *flags, "--", *command
        )
        return result, json.loads(report.read_text())

    return run


def told(report: dict[str, Any]) -> dict[str, list[str]]:
    """The findings of exec's report, by test."""
    return {
        re.sub(r".*\.|-[0-9a-f]{8}$", "", world["world"]): [
            finding["id"] for finding in world["findings"]
        ]
        for world in report["worlds"]
    }


def test_exec_reports_what_every_test_met(under_exec: Exec) -> None:
    result, report = under_exec(
        CLIENT
        + """
def test_reserves(whippy):
    whippy.clock.freeze("2023-05-10T12:00:00Z")
    ask(
        "stocks/increase_reserved_stock/",
        {"sku": "555AB1300456213004", "location": "110", "date": "2023-05-10T12:00:00Z"},
    )

def test_searches(whippy):
    ask("stocks/?stock__gt=4&limit=1000")
"""
    )
    assert result.ret == 0
    result.assert_outcomes(passed=2)
    assert told(report) == {"test_reserves": [], "test_searches": []}
    assert report["percent"] > 10


def test_exec_is_told_what_a_test_ignores_or_expects(under_exec: Exec) -> None:
    result, report = under_exec(
        CLIENT
        + """
from pytest_whippy import Mistakes

def mistaken():
    ask("stocks/?stock_gt=4&limit=1000")

@pytest.mark.whippy(ignore=["unknown-parameter"])
def test_ignores(whippy): mistaken()

@pytest.mark.xfail(raises=Mistakes, strict=True)
def test_expects(whippy): mistaken()

@pytest.mark.whippy(fail_on="error")
def test_takes_lightly(whippy): mistaken()
""",
        "--fail-on=never",
    )
    assert result.ret == 0
    result.assert_outcomes(passed=2, xfailed=1)
    assert told(report) == {
        "test_ignores": [],
        "test_expects": [],
        "test_takes_lightly": ["unknown-parameter"],
    }


def test_an_id_to_ignore_that_does_not_exist_fails_the_test(suite: Suite) -> None:
    result = suite(
        """
import pytest

@pytest.mark.whippy(ignore=["unknown-paramter"])
def test_it(whippy): pass
"""
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        "*whippy: ignore: there is no finding `unknown-paramter`; "
        "did you mean `unknown-parameter`? *"
    )


def test_under_exec_with_tls_the_ca_is_trusted(under_exec: Exec) -> None:
    text = "def test_it(whippy): assert whippy.url.startswith('https://')"
    result, _ = under_exec(text, "--tls-self-signed")
    result.assert_outcomes(passed=1)


class Service(BaseHTTPRequestHandler):
    """A service that is not a mock."""

    asked: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        """Answers with an error page."""
        self.asked.append((self.path, self.headers["authorization"]))
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str | None]]]:
    """The requests to a service that the environment names and that is not a mock."""
    asked: list[tuple[str, str | None]] = []
    server = HTTPServer(("127.0.0.1", 0), type("Asked", (Service,), {"asked": asked}))
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("WHIPPY_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("WHIPPY_TOKEN", "of the service")
    yield asked
    server.shutdown()
    server.server_close()


def test_a_live_service_is_asked_once_and_not_used(
    suite: Suite, service: list[tuple[str, str | None]]
) -> None:
    text = CLIENT + "\ndef test_it(whippy): reserve()\ndef test_again(whippy): reserve()"
    result = suite(text)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        "on a mock of their own: WHIPPY_URL does not name a whippy-mock"
    )
    assert service == [("/__admin/health", None)]


def test_an_address_that_does_not_answer_is_an_error(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHIPPY_URL", "http://127.0.0.1:1")
    result = suite("def test_it(whippy): pass")
    result.assert_outcomes(errors=1)
    sentence = (
        "whippy: WHIPPY_URL is set, and GET .* was not answered: .*; unset WHIPPY_URL,"
    )
    assert re.search(sentence, str(result.stdout))
    assert "During handling of" not in str(result.stdout)
