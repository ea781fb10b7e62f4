"""The process: found, started, stopped, and what is said where that fails."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path

import pytest
from conftest import Suite

from pytest_whippy import server as server_module
from pytest_whippy.admin import WhippyError
from pytest_whippy.server import StartedServer, find_binary

ONE_TEST = "def test_it(whippy): pass"


def executable(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """An interpreter's directory and one on the PATH, both empty."""
    beside, on_path = tmp_path / "beside", tmp_path / "on_path"
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(beside))
    monkeypatch.setattr(sys, "executable", str(beside / "python"))
    monkeypatch.setenv("PATH", str(on_path))
    return beside, on_path


def test_the_binary_beside_the_interpreter_goes_before_the_path(
    places: tuple[Path, Path],
) -> None:
    beside, on_path = (executable(place / "whippy-mock") for place in places)
    assert find_binary() == beside
    beside.unlink()
    assert find_binary() == on_path


@pytest.mark.usefixtures("places")
def test_without_a_binary_a_test_fails_with_where_it_was_looked_for(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(ONE_TEST)
    result = pytester.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        "whippy: there is no whippy-mock: neither beside the interpreter, in */beside, *"
        "nor on the PATH; name one with --whippy-binary=PATH"
    )


def test_a_binary_that_is_none_is_refused_by_its_option(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(ONE_TEST)
    result = pytester.runpytest("--whippy-binary", "no/such/file")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        "whippy: --whippy-binary: `no/such/file` is not a file that can be run"
    )


@pytest.mark.usefixtures("places")
def test_without_the_fixture_no_binary_is_looked_for(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(): pass")
    pytester.runpytest().assert_outcomes(passed=1)


def test_what_a_server_that_does_not_start_says_is_shown(suite: Suite) -> None:
    result = suite(ONE_TEST, "--whippy-world", "nowhere")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["whippy: * did not start: it ended with exit code 2; *", "*nowhere*"]
    )


def test_a_first_line_that_is_no_address_is_shown(
    stand_in_binary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN_SAYS", "Hello")
    monkeypatch.setenv("STAND_IN_EXITS", "1")
    with pytest.raises(
        WhippyError, match="its first line is `Hello` and not `Listening on "
    ):
        StartedServer(stand_in_binary)


def test_a_server_that_says_nothing_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\nexec sleep 60\n")
    silent.chmod(0o755)
    monkeypatch.setattr(server_module, "START_SECONDS", 0.2)
    with pytest.raises(WhippyError, match=r"it said nothing for 0\.2 seconds"):
        StartedServer(silent)


@pytest.mark.skipif(os.name != "posix", reason="only there a process is told to end")
def test_a_stopped_server_ended_because_it_was_told_to(binary: Path) -> None:
    server = StartedServer(binary)
    server.stop()
    assert server._process.returncode in (0, -15)
    with pytest.raises(ProcessLookupError):
        os.kill(server._process.pid, 0)


def test_a_server_that_does_not_hear_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = tmp_path / "deaf"
    sleep = shutil.which("sleep")
    deaf.write_text(
        f"#!/bin/sh\ntrap '' TERM\necho Listening on http://127.0.0.1:1\nexec {sleep} 60\n"
    )
    deaf.chmod(0o755)
    monkeypatch.setattr(server_module, "STOP_SECONDS", 0.2)
    server = StartedServer(deaf)
    server.stop()
    assert server._process.returncode == -9


def test_who_may_ask_is_not_taken_from_the_environment(
    binary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHIPPY_MOCK_ADMIN_TOKEN", "secret")
    server = StartedServer(binary)
    try:
        assert server.admin.call("GET", "clock")["mode"] == "real"
    finally:
        server.stop()


def test_a_server_that_is_gone_is_named(binary: Path) -> None:
    server = StartedServer(binary)
    server.stop()
    with pytest.raises(WhippyError, match=r"GET http://127\.0\.0\.1:.* was not answered: "):
        server.admin.call("GET", "health")
