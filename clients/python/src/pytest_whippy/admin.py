"""The mock's admin paths over HTTP: JSON goes in, JSON comes out, a refusal is raised.

Nothing here knows pytest.
"""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

# Longer than any admin path takes; a mock that is silent for so long hangs.
TIMEOUT_SECONDS = 30.0


class WhippyError(Exception):
    """The mock refused a request of the test, or did not answer it."""

    def __init__(self, sentence: str, status: int | None = None, detail: str = "") -> None:
        super().__init__(sentence)
        self.status = status
        """The status of the refusal; None where there was no answer."""
        self.detail = detail
        """The mock's own words in a refusal; empty where there are none."""


@dataclass(frozen=True)
class Access:
    """Credentials for the admin paths of a server that somebody else started."""

    token: str | None = None
    """The admin token."""
    ca_file: str | None = None
    """A file with the certificate that the server's own is signed by."""


class Admin:
    """The admin paths of a server, or of one world of it."""

    def __init__(self, base: str, access: Access | None = None) -> None:
        self.base = base
        self.access = access or Access()
        # The mock is on this machine: a proxy that the environment names is in the way.
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        if self.access.ca_file is not None:
            context = ssl.create_default_context(cafile=self.access.ca_file)
            handlers.append(urllib.request.HTTPSHandler(context=context))
        self._opener = urllib.request.build_opener(*handlers)

    def world(self, name: str) -> Admin:
        """The admin paths of one world."""
        return Admin(f"{self.base}/worlds/{name}", self.access)

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> Any:
        """Sends a request, and returns the JSON of the answer; None where it is empty.

        `path` begins behind `/__admin/`.
        """
        url = f"{self.base}/__admin/{path}"
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if self.access.token is not None:
            headers["Authorization"] = f"Bearer {self.access.token}"
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with self._opener.open(request, timeout=timeout) as answer:
                content = answer.read()
        except urllib.error.HTTPError as refusal:
            with refusal:
                detail = _detail(refusal.read())
            sentence = f"{method} {url} was answered {refusal.code}: {detail}"
            raise WhippyError(sentence, refusal.code, detail) from None
        except (OSError, HTTPException) as error:
            raise WhippyError(f"{method} {url} was not answered: {error}") from error
        try:
            return json.loads(content) if content else None
        except ValueError:
            raise WhippyError(f"{method} {url} was not answered with JSON", 200) from None


def _detail(content: bytes) -> str:
    """The sentence of a problem document; of anything else the beginning."""
    try:
        return str(json.loads(content)["detail"])
    except (ValueError, KeyError, TypeError):
        return content[:200].decode(errors="replace") or "nothing more was said"
