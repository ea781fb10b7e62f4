"""A test's own world: the service as the test steers it, and the record of its client.

Nothing here knows pytest.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from os import PathLike
from pathlib import Path
from typing import Any

from pytest_whippy.admin import Admin, WhippyError
from pytest_whippy.findings import Finding
from pytest_whippy.server import Server

World = str | PathLike[str] | Mapping[str, Any]
"""A built-in world by its name, a file by its path, or the world itself."""

Reading = str | int
"""A choice of a reading."""

Faults = str | Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""A preset by its name, a file's content (`seed` and `rules`), or the rules alone."""

SHOWN_EXCHANGES = 30
"""Exchanges that the report of a failed test shows, the last ones."""


class Clock:
    """The clock of a test's world."""

    def __init__(self, admin: Admin) -> None:
        self._admin = admin

    def now(self) -> datetime:
        """The service's own idea of the time."""
        return _moment(self._admin.call("GET", "clock"))

    def freeze(self, when: datetime | str | None = None) -> datetime:
        """Stops it at a moment, or where it stands. One without a zone is the service's."""
        clock: dict[str, object] = {"mode": "fixed"}
        if when is not None:
            clock["now"] = when.isoformat() if isinstance(when, datetime) else when
        return _moment(self._admin.call("PUT", "clock", clock))

    def advance(self, seconds: float | timedelta) -> datetime:
        """Moves it ahead, stopped or running."""
        if isinstance(seconds, timedelta):
            seconds = seconds.total_seconds()
        return _moment(self._admin.call("POST", "clock/advance", {"seconds": seconds}))


class Whippy:
    """A world of a test's own."""

    def __init__(
        self,
        server: Server,
        world: str,
        *,
        seed: World | None = None,
        reading: Mapping[str, Reading] | None = None,
        faults: Faults | None = None,
    ) -> None:
        """Makes the world; what is not given is as the server's worlds are."""
        self.world = world
        """The name of the world."""
        self.url = f"{server.url}/worlds/{world}"
        """The address for a client: `/api/v1/` follows."""
        self.token = server.token
        """The token that is let in: `Authorization: Token …`."""
        self._server = server
        self._admin = server.admin.world(world)
        self.clock = Clock(self._admin)
        self._start: dict[str, object] = {}
        self._faults = faults
        if seed is not None:
            self._start["world"] = _seed(seed)
        if reading is not None:
            self._start["profile"] = dict(reading)
        self.reset()

    def reset(self) -> None:
        """Brings back the stocks, readings, clock and faults that the test began with.

        Journal and findings stay as they are.
        """
        self._admin.call("POST", "reset", self._start)
        if self._faults is not None:
            self.faults(self._faults)

    def requests(self, **filters: Any) -> list[dict[str, Any]]:
        """The exchanges of this world, the oldest first; all filters must fit.

        `operation`, `method`, `status` (404 or "4xx"), `path` (as of the API:
        "/api/v1/stocks/"), `target_contains`, `headers`, `body` (members of the JSON) and
        `since` (an id).
        """
        path = filters.get("path")
        if isinstance(path, str) and path.startswith("/api/"):
            # The journal keeps a path as it came: with the world before it.
            filters["path"] = f"/worlds/{self.world}{path}"
        found: list[dict[str, Any]] = self._admin.call("POST", "requests/find", filters)[
            "requests"
        ]
        return found

    def findings(self) -> list[Finding]:
        """The client's mistakes so far, as if this were the end."""
        return [Finding.read(shown) for shown in self.verdict()["findings"]]

    def coverage(self) -> dict[str, Any]:
        """The documented responses, pages and rules that the client has met."""
        coverage: dict[str, Any] = self.verdict()["coverage"]
        return coverage

    def verdict(self) -> dict[str, Any]:
        """Findings and coverage as the mock's JSON has them."""
        worlds: list[dict[str, Any]] = self._newer("GET", "findings?all=true")["worlds"]
        return worlds[0]

    def faults(self, rules: Faults) -> None:
        """Replaces the faults from now on; an empty list ends them."""
        if isinstance(rules, str):
            body: Mapping[str, Any] = {"preset": rules}
        elif isinstance(rules, Mapping):
            body = rules
        else:
            body = {"rules": list(rules)}
        self._newer("PUT", "faults", body)

    def forgive(self, ids: Collection[str]) -> None:
        """Leaves findings out of the server's own report, as under `whippy-mock exec`."""
        if ids:
            query = urllib.parse.urlencode([("id", name) for name in sorted(ids)])
            self._newer("DELETE", f"findings?{query}")

    def check_ignored(self, ids: Collection[str]) -> None:
        """Refuses ids of findings that do not exist, before the client asks anything."""
        if not ids:
            return
        try:
            self.forgive(ids)
        except WhippyError as error:
            if error.status != 400:
                raise
            raise WhippyError(f"ignore: {error.detail.removeprefix('id: ')}", 400) from None
        # Nothing is forgiven yet: the summary counts ignored findings.
        self._admin.call("DELETE", "findings")

    def drop(self) -> None:
        """Gives the world up, with its journal."""
        try:
            self._server.admin.call("DELETE", f"worlds/{self.world}")
        except WhippyError as error:
            # A test may have given it up itself.
            if error.status != 404:
                raise

    def story(self) -> str:
        """The last exchanges, a line each, and the address of all of them in full."""
        exchanges = self.requests()
        shown = exchanges[-SHOWN_EXCHANGES:]
        left_out = len(exchanges) - len(shown)
        prefix = f"/worlds/{self.world}"
        return "\n".join(
            [
                f"the journal of this test, in full while the session lasts "
                f"(stop it there with --pdb):\n  {self.url}/__admin/requests",
                *([f"  … {left_out} before these"] if left_out else []),
                *(_line(exchange, prefix) for exchange in shown),
            ]
        )

    def _newer(self, method: str, path: str, body: object = None) -> Any:
        """Uses a path that an older mock does not have."""
        try:
            return self._admin.call(method, path, body)
        except WhippyError as error:
            if error.status != 404 or not self._is_there():
                raise
            version = self._server.admin.call("GET", "health")["version"]
            mock = self._server.binary or self._server.url
            lacking, _, _ = path.partition("?")
            raise WhippyError(
                f"{mock} (version {version}) is too old for this: it has "
                f"no {method} /__admin/{lacking}; take the binary of this pytest-whippy's "
                "wheel, or name a newer one with --whippy-binary",
                404,
            ) from None

    def _is_there(self) -> bool:
        """Is false where the world itself is what a 404 is about."""
        try:
            self._admin.call("GET", "clock")
        except WhippyError:
            return False
        return True


def _moment(clock: Mapping[str, str]) -> datetime:
    return datetime.fromisoformat(clock["now"])


def _seed(seed: World) -> object:
    if isinstance(seed, str):
        return seed
    if isinstance(seed, Mapping):
        return dict(seed)
    return json.loads(Path(seed).read_text(encoding="utf-8"))


def _line(exchange: Mapping[str, Any], prefix: str) -> str:
    request, response = exchange["request"], exchange["response"]
    target = request["target"].removeprefix(prefix)
    status = response["status"] if response else "no answer"
    by = _comma([*exchange["faults"], *exchange["defects"]])
    because = f"{exchange['operation']}/{exchange['rule']}" if exchange["rule"] else ""
    notes = "  ".join(part for part in (because, f"by {by}" if by else "") if part)
    return f"  {exchange['id']:>5} {status} {request['method']} {target}  {notes}".rstrip()


def _comma(names: Iterable[str]) -> str:
    return ", ".join(names)
