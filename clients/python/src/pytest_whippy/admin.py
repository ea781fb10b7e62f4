"""The mock's admin paths over HTTP: JSON goes in, JSON comes out, a refusal is raised.

Nothing here knows pytest.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any

# Longer than any admin path takes; a mock that is silent for so long hangs.
TIMEOUT_SECONDS = 30.0


class WhippyError(Exception):
    """The mock refused what a test asked of it, or did not answer."""

    def __init__(self, sentence: str, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        """The status of the refusal; None where there was no answer."""


class Admin:
    """The admin paths of a server, or of one world of it."""

    def __init__(self, base: str) -> None:
        self.base = base
        # The mock is on this machine: a proxy that the environment names is in the way.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Asks, and returns the JSON of the answer; None where it is empty.

        `path` begins behind `/__admin/`.
        """
        url = f"{self.base}/__admin/{path}"
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                content = answer.read()
        except urllib.error.HTTPError as refusal:
            with refusal:
                detail = _detail(refusal.read())
            sentence = f"{method} {url} was answered {refusal.code}: {detail}"
            raise WhippyError(sentence, refusal.code) from None
        except (OSError, HTTPException) as error:
            raise WhippyError(f"{method} {url} was not answered: {error}") from error
        return json.loads(content) if content else None


def _detail(content: bytes) -> str:
    """What a problem document says; of anything else the beginning."""
    try:
        return str(json.loads(content)["detail"])
    except (ValueError, KeyError, TypeError):
        return content[:200].decode(errors="replace") or "nothing more was said"
