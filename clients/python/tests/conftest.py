"""What the tests share: a suite in a directory of its own, run with the plugin."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import stand_in

from pytest_whippy.server import Server, StartedServer, find_binary

pytest_plugins = ["pytester"]

# The path of the binary is given with `=`: by a path that stands alone pytest would
# guess its root directory, before it knows the option.

Suite = Callable[..., pytest.RunResult]

# pytest-asyncio warns every session that does not choose.
INI = "[pytest]\nasyncio_default_fixture_loop_scope = function\n"


@pytest.fixture(autouse=True)
def _no_running_mock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps a mock of the environment out of the tests."""
    for name in ("WHIPPY_URL", "WHIPPY_TOKEN", "WHIPPY_CA_FILE", "WHIPPY_MOCK_ADMIN_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def binary(pytestconfig: pytest.Config) -> Path:
    """The mock to test with."""
    return find_binary(pytestconfig.getoption("whippy_binary"))


@pytest.fixture
def server(binary: Path) -> Iterator[Server]:
    """A server without pytest around it."""
    server = StartedServer(binary)
    yield server
    server.stop()


@pytest.fixture
def suite(pytester: pytest.Pytester, binary: Path) -> Suite:
    """Runs a suite against the mock. Unless it says so, nobody is judged in it."""

    def run(text: str, *arguments: str, fail_on: str = "never") -> pytest.RunResult:
        pytester.makeini(f"{INI}whippy_fail_on = {fail_on}\n")
        pytester.makepyfile(text)
        return pytester.runpytest(f"--whippy-binary={binary}", *arguments)

    return run


def script(path: Path, module: ModuleType) -> Path:
    """A program of a module."""
    text = Path(str(module.__file__)).read_text(encoding="utf-8")
    path.write_text(f"#!{sys.executable}\n{text}", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def stand_in_binary(tmp_path: Path) -> Path:
    """A stand-in for the mock."""
    return script(tmp_path / "stand-in", stand_in)


@pytest.fixture
def judged(pytester: pytest.Pytester, stand_in_binary: Path) -> Suite:
    """Runs a suite against the stand-in, which finds what it is asked to find."""

    def run(text: str, *arguments: str, ini: str = "") -> pytest.RunResult:
        pytester.makeini(f"{INI}{ini}\n")
        pytester.makeconftest(
            """
            import urllib.request

            import pytest

            @pytest.fixture
            def make(whippy):
                def mistakes(*levels):
                    for level in levels:
                        url = f"{whippy.url}/api/v1/stocks/?finding={level}"
                        urllib.request.urlopen(url).close()
                return mistakes
            """
        )
        pytester.makepyfile(text)
        return pytester.runpytest(f"--whippy-binary={stand_in_binary}", *arguments)

    return run
