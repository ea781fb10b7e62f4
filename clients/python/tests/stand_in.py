"""A server with the admin paths that the plugin asks, and no more.

Every request to the API is a finding of the level that its query names
(`?finding=warning`). STAND_IN_LACKS in the environment names an admin path that it has
not; STAND_IN_SAYS and STAND_IN_EXITS make it end at once.
"""

import json
import os
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

found: dict[str, list[dict[str, Any]]] = {}


def finding(level: str, target: str, number: int) -> dict[str, Any]:
    """A finding of a level."""
    return {
        "id": f"made-up-{level}",
        "level": level,
        "request": number,
        "at": "2023-05-10T10:37:18Z",
        "method": "GET",
        "target": target,
        "sent": f"finding={level}",
        "meant": "nothing of the kind",
        "why": "The stand-in finds what it is asked to find.",
        "source": {"grade": "stack", "section": "Filters", "says": "Made up."},
        "count": 1,
        "requests": [number],
    }


def coverage(findings: list[dict[str, Any]]) -> dict[str, Any]:
    """Coverage that every finding adds to."""
    count = len(findings)
    return {
        "requests": count,
        "documented": [
            {"name": "list_200", "count": count},
            {"name": "search_200", "count": 0},
        ],
        "rules": [
            {"operation": "list-stocks", "rule": "listed", "count": count},
            {"operation": "list-stocks", "rule": "invalid-page", "count": 0},
        ],
        "whole_walks": 0,
    }


class StandIn(BaseHTTPRequestHandler):
    """Answers every path by its last part."""

    def answer(self) -> None:
        """The one handler of all methods."""
        self.rfile.read(int(self.headers.get("content-length", 0)))
        url = urlsplit(self.path)
        world = match[1] if (match := re.match("/worlds/([^/]+)/", url.path)) else "default"
        path = url.path.partition("/__admin/")[2]
        if "/api/" in url.path:
            level = parse_qs(url.query).get("finding")
            if level is not None:
                known = found.setdefault(world, [])
                known.append(finding(level[0], self.path, len(known) + 1))
            self.send({"count": 0})
        elif path == os.environ.get("STAND_IN_LACKS"):
            self.send({"detail": f"there is no /__admin/{path}"}, 404)
        elif path == "findings":
            findings = found.get(world, [])
            self.send(
                {
                    "worlds": [
                        {
                            "world": world,
                            "findings": findings,
                            "coverage": coverage(findings),
                        }
                    ]
                }
            )
        elif path == "requests/find":
            self.send({"count": 0, "requests": []})
        elif path == "health":
            self.send({"message": "whippy-mock answers", "version": "0.0.1"})
        else:
            self.send({"now": "2023-05-10T13:37:18+03:00"})

    do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

    def send(self, body: dict[str, Any], status: int = 200) -> None:
        """Answers with JSON."""
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


if __name__ == "__main__":
    if "STAND_IN_SAYS" in os.environ:
        print(os.environ["STAND_IN_SAYS"], flush=True)
    if "STAND_IN_EXITS" in os.environ:
        sys.exit(f"no world for {sys.argv[1:]}")
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    print(f"Listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
