"""The vendor's own SDK, on the mock: it asks for its user, pages, and logs in again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from omnisdk.exceptions import ValidationError
from omnisdk.omnitron.client import OmnitronApiClient
from omnisdk.omnitron.endpoints import ActiveUserEndpoint, OmnitronApiEndpoint

from pytest_whippy.server import Server, StartedServer

SECONDS = 60


@pytest.fixture
def short_lived(binary: Path) -> Iterator[Server]:
    """A server whose logins end after a minute of its clock, which stands."""
    flags = ["--clock=2024-01-01T00:00:00Z", f"--token-lifetime={SECONDS}"]
    server = StartedServer(binary, flags)
    yield server
    server.stop()


def client(server: Server, token: str | None = None) -> OmnitronApiClient:
    return OmnitronApiClient(f"{server.url}/", "ann", "secret", token and f"Token {token}")


def stocks() -> OmnitronApiEndpoint:
    return OmnitronApiEndpoint(endpoint="stocks", model=dict, raw=True)


def warnings(server: Server) -> list[str]:
    report = server.admin.call("GET", "findings")
    worlds = report["worlds"] if isinstance(report, dict) else []
    return [
        found["id"]
        for world in worlds
        for found in world["findings"]
        if found["level"] != "note"
    ]


def test_a_token_is_asked_for_its_user(server: Server) -> None:
    with client(server, server.token):
        assert ActiveUserEndpoint(raw=True).list() == {}
    assert warnings(server) == []


def test_a_token_of_nobody_is_refused_at_once(server: Server) -> None:
    with pytest.raises(ValidationError, match="Invalid token"):
        client(server, "nobody's")


def test_a_revoked_token_makes_it_log_in_again(server: Server) -> None:
    with client(server, server.token) as api:
        before = api.session.headers["Authorization"]
        server.admin.call("DELETE", "tokens")
        assert stocks().list()["count"] > 0
        assert api.session.headers["Authorization"] != before
        assert stocks().list()["count"] > 0


def test_a_login_that_ended_makes_it_log_in_again(short_lived: Server) -> None:
    with client(short_lived) as api:
        assert stocks().list()["count"] > 0
        before = api.session.headers["Authorization"]
        short_lived.admin.call("POST", "clock/advance", {"seconds": SECONDS})
        assert stocks().list()["count"] > 0
        assert api.session.headers["Authorization"] != before
