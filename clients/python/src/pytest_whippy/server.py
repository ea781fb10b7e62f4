"""The server process: where its binary is, how it starts and how it ends.

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
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from pytest_whippy.admin import Admin, WhippyError
from pytest_whippy.names import world_name

BINARY = "whippy-mock"

START_SECONDS = 20.0
"""How long a server may take to say where it listens; it takes some milliseconds."""

STOP_SECONDS = 10.0
"""How long a server may take to end when it is told to."""

_ANNOUNCEMENT = "Listening on "

# Who may ask is for the plugin to say, or the tests of one machine fail on another.
_NOT_INHERITED = ("WHIPPY_MOCK_TOKEN", "WHIPPY_MOCK_ADMIN_TOKEN")


def find_binary(given: str | None = None) -> Path:
    """The binary that is given, the one beside the interpreter, or the one on the PATH."""
    if given is not None:
        found = shutil.which(os.path.expanduser(given))
        if found is None:
            raise WhippyError(f"--whippy-binary: `{given}` is no file that can be run")
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
    """A running mock, of which each test has a world."""

    def __init__(self, binary: Path, arguments: Sequence[str] = ()) -> None:
        """Starts it on a free port, and returns when it answers."""
        self.binary = binary
        self.token = f"whippy-{secrets.token_hex(8)}"
        """The one token that the API lets in."""
        self._names: dict[str, int] = {}
        # A file never fills up, as a pipe does that nobody reads.
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        listen = ["--listen", "127.0.0.1:0", "--token", self.token]
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
            self.url = self._announced()
        except WhippyError:
            self.stop()
            raise
        self.admin = Admin(self.url)

    def _announced(self) -> str:
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
            f"{self.binary} did not start: {why}; on standard error it said "
            + (f"\n\n{said}" if said else "nothing")
        )

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def new_world(self, node_id: str) -> str:
        """A name for a world that this server has not had yet."""
        attempt = self._names.get(node_id, 0)
        self._names[node_id] = attempt + 1
        return world_name(node_id, attempt)

    def stop(self) -> None:
        """Ends the process: as it is asked to, and by force if it does not hear."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stderr.close()
