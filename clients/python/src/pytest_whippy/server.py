"""The server that the worlds of tests are on: one of the session's own, or a running one.

Nothing here knows pytest.
"""

from __future__ import annotations

import os
import queue
import secrets
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from pytest_whippy.admin import Access, Admin, WhippyError
from pytest_whippy.names import world_name

BINARY = "whippy-mock"

START_SECONDS = 20.0
"""Time that a server may take to say where it listens; it takes some milliseconds."""

STOP_SECONDS = 10.0
"""Time that a server may take to end when it is told to."""

ANSWER_SECONDS = 5.0
"""Time that a running server may take to say that it is a mock."""

URL = "WHIPPY_URL"
"""The variable by which `whippy-mock exec` and others name a running mock."""
TOKEN = "WHIPPY_TOKEN"
CA_FILE = "WHIPPY_CA_FILE"
ADMIN_TOKEN = "WHIPPY_MOCK_ADMIN_TOKEN"

_ANNOUNCEMENT = "Listening on "

# The plugin decides who may ask, or the tests of one machine fail on another.
_NOT_INHERITED = ("WHIPPY_MOCK_TOKEN", ADMIN_TOKEN)


def find_binary(given: str | None = None) -> Path:
    """Finds the binary: the given one, else beside the interpreter, else on the PATH."""
    if given is not None:
        found = shutil.which(os.path.expanduser(given))
        if found is None:
            raise WhippyError(f"--whippy-binary: `{given}` is not a file that can be run")
        return Path(found)
    beside = [sysconfig.get_path("scripts"), os.path.dirname(sys.executable)]
    places = [*beside, os.environ.get("PATH", os.defpath)]
    found = shutil.which(BINARY, path=os.pathsep.join(places))
    if found is None:
        raise WhippyError(
            f"there is no {BINARY}: neither beside the interpreter, in {beside[0]}, "
            "where the wheel of pytest-whippy puts it, nor on the PATH; name one with "
            "--whippy-binary=PATH"
        )
    return Path(found)


class Server:
    """A mock that each test has a world on."""

    def __init__(self, url: str, token: str, access: Access | None = None) -> None:
        self.url = url
        self.token = token
        """The token that the API lets in."""
        self.admin = Admin(url, access)
        self.binary: Path | None = None
        """The program, where the session started it."""
        self.pid: int | None = None
        """The id of the process, where the session started it."""
        self.origin: str | None = None
        """A remark for the summary, where the server is not the one to be expected."""
        # A server may outlive the session, and be shared by several: worlds are told
        # apart by more than the test's name.
        self._session = secrets.token_hex(8)
        self._attempts: Counter[str] = Counter()

    @property
    def is_shared(self) -> bool:
        """Is true of a server that somebody else started and will go on to ask."""
        return self.pid is None

    def new_world(self, node_id: str) -> str:
        """Makes a name for a world that this server has not had yet."""
        self._attempts[node_id] += 1
        return world_name(node_id, f"{self._session} {self._attempts[node_id]}")

    def stop(self) -> None:
        """Ends the process that the session started."""


def running_server(environment: Mapping[str, str]) -> Server | None:
    """The mock that WHIPPY_URL names; None where the variable names no mock.

    A client under test may be configured by the same variable, and then it names a live
    service. So the address is asked once, without the service's token, for the health of a
    mock, and anything else that answers is left alone.
    """
    url = environment.get(URL, "").rstrip("/")
    if not url:
        return None
    access = Access(environment.get(ADMIN_TOKEN) or None, environment.get(CA_FILE) or None)
    try:
        health = Admin(url, access).call("GET", "health", timeout=ANSWER_SECONDS)
    except WhippyError as error:
        if error.status is not None:
            return None
        raise WhippyError(
            f"{URL} is set, and {error}; unset {URL}, and the tests start a mock of "
            "their own"
        ) from None
    if not isinstance(health, dict) or BINARY not in str(health.get("message")):
        return None
    # A mock without a token of its own takes any.
    token = environment.get(TOKEN) or f"whippy-{secrets.token_hex(8)}"
    server = Server(url, token, access)
    server.origin = f"on the mock of {URL}, {url}"
    return server


class StartedServer(Server):
    """A mock that runs as long as the session."""

    def __init__(self, binary: Path, arguments: Sequence[str] = ()) -> None:
        """Starts it on a free port, and returns when it answers."""
        token = f"whippy-{secrets.token_hex(8)}"
        # A file never fills up, as a pipe does that nobody reads.
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        listen = ["--listen", "127.0.0.1:0", "--token", token]
        environment = {
            name: value for name, value in os.environ.items() if name not in _NOT_INHERITED
        }
        try:
            self._process = subprocess.Popen(
                [binary, *listen, *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                encoding="utf-8",
                errors="replace",
                # An interrupt from the keyboard is for pytest, which then stops the server.
                start_new_session=True,
            )
        except OSError as error:
            self._stderr.close()
            raise WhippyError(f"{binary} cannot be run: {error}") from error
        try:
            url = self._announced(binary)
        except WhippyError:
            self.stop()
            raise
        super().__init__(url, token)
        self.binary = binary
        self.pid = self._process.pid

    def _announced(self, binary: Path) -> str:
        lines: queue.SimpleQueue[str] = queue.SimpleQueue()

        def read() -> None:
            assert self._process.stdout is not None
            with self._process.stdout as stdout:
                lines.put(stdout.readline())
                for _ in stdout:
                    pass

        threading.Thread(target=read, name="whippy-mock stdout", daemon=True).start()
        try:
            line = lines.get(timeout=START_SECONDS).strip()
        except queue.Empty:
            why = f"it said nothing for {START_SECONDS:g} seconds"
        else:
            if line.startswith(_ANNOUNCEMENT):
                return line.removeprefix(_ANNOUNCEMENT)
            if line:
                why = f"its first line is `{line}` and not `{_ANNOUNCEMENT}http://…`"
            else:
                why = f"it ended with exit code {self._process.wait(STOP_SECONDS)}"
        self._stderr.seek(0)
        said = self._stderr.read().decode(errors="replace").strip()
        raise WhippyError(
            f"{binary} did not start: {why}; on standard error it said "
            + (f"\n\n{said}" if said else "nothing")
        )

    def stop(self) -> None:
        """Ends the process: by a request to end, and by force where it ignores that."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stderr.close()
