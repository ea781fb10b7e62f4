"""Sends every probe to the reference and to the mock, and prints where the answers differ.

    compare.py --reference http://127.0.0.1:9100 --mock http://127.0.0.1:8000

Exit code 0: equal but for what `ALLOWED` explains; 1: differences; 2: a service cannot be
reached. Compared are the status, the body's bytes and the headers in `HEADERS`; a date that
can only be the moment of the request counts as equal to any other such date.
"""

import argparse
import fnmatch
import json
import re
import socket
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import probes

HEADERS = ["content-type", "allow", "www-authenticate", "location", "retry-after"]

DJ_REST_AUTH = "the package behind the reference's login has an email field too"
NO_PARTS = "a body without the boundary that its type names has no parts to the mock"

# Where the mock differs on purpose: which probes (as shell patterns), and why.
HYPER = "the mock's HTTP library refuses <, > and \" in a request line"
ALLOWED = [
    ("filter/*=<b>", HYPER),
    ("link/*<>*", HYPER),
    ("path/*<>*", HYPER),
    ("login/*", DJ_REST_AUTH),
    ("method/OPTIONS /api/v1/auth/login/*", DJ_REST_AUTH),
    ("create/*_type=[[]*ud800*", "half a surrogate within a list within an error message"),
    ("create/provider=[[]*ud800*", "half a surrogate within a list within an error message"),
    ("create/location=[[]*ud800*", "half a surrogate within a list within an error message"),
    ("multipart/base64 part", "the mock does not decode base64 parts, which no client of a JSON API sends"),
    ("multipart/other boundary", NO_PARTS),
    ("multipart/multipart/form-data; boundary=*", NO_PARTS),
    ("multipart/file as *", "the mock does not keep the names of files"),
]

UNBOUNDED = b'"period":{"lower":null,"upper":null,"bounds":"[)"}'

WORLD = Path(__file__).parents[3] / "fixtures/worlds/documented.json"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict
    body: bytes

    def compared(self):
        """What is held against the other service's answer, by name."""
        shown = {"status": self.status, "body": timeless(self.body)}
        return shown | {name: self.headers.get(name) for name in HEADERS}


class Service:
    """A running service, and the request that brings its world back."""

    def __init__(self, url, reset):
        self.address = (urlsplit(url).hostname, urlsplit(url).port)
        self.reset_request = reset
        # The requests that made the world what it is, or None when it was written to since.
        self.made_by = None

    def ask(self, probe):
        if self.made_by != probe.before:
            answer = exchange(self.address, self.reset_request.request())
            if answer.status not in (200, 204):
                raise OSError(f"reset of {self.address} answered {answer.status} {answer.body!r}")
            for earlier in probe.before:
                exchange(self.address, earlier.request(), earlier.method)
        self.made_by = None if probe.writes else probe.before
        return exchange(self.address, probe.request(), probe.method)


def reference(url):
    host = urlsplit(url).netloc
    return Service(url, probes.post("", "/__reference/reset", WORLD.read_bytes(), host=host))


def mock(url):
    host = urlsplit(url).netloc
    return Service(url, probes.post("", "/__admin/reset", {"world": "documented"}, host=host))


def exchange(address, request, method="GET"):
    """One connection, one request, the answer: nothing on the way may tidy the bytes."""
    with socket.create_connection(address, timeout=10) as connection:
        received = b""
        try:
            connection.sendall(request)
            while chunk := connection.recv(1 << 16):
                received += chunk
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            # A body that is too large may be refused before it was read; what came is
            # the answer. One that hangs is an answer too: without a status it is 0.
            pass
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        body = b"" if method == "HEAD" else unchunked(body)
    status = first.split(" ")[1:2]
    return Answer(int(status[0]) if status else 0, headers, body)


def unchunked(body):
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        whole, body = whole + body[:length], body[length + 2 :]
    return whole


WRITTEN = re.compile(
    rb'("(?:created|modified)_date": ?)"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?\+03:00)"'
)


def timeless(body):
    """The body with the dates that are now taken out."""

    def now_or_not(match):
        moment = datetime.fromisoformat(match[2].decode())
        recent = abs(datetime.now(UTC) - moment) < timedelta(hours=1)
        return match[1] + b"(now)" if recent else match[0]

    return WRITTEN.sub(now_or_not, body)


def answers(service, chosen):
    return [service.ask(probe) for probe in chosen]


def excuse(probe, expected, got):
    """Why the answers to this probe may differ, or nothing."""
    if probe.apart:
        return probe.apart
    if expected.status == 500 and got.status < 500:
        return "the service fails with 500; the mock refuses"
    return next((why for pattern, why in ALLOWED if fnmatch.fnmatchcase(probe.name, pattern)), "")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--reference", required=True, metavar="URL")
    arguments.add_argument("--mock", required=True, metavar="URL")
    arguments.add_argument(
        "--only", default="*", metavar="PATTERN", help="probes to send, as a shell pattern"
    )
    arguments.add_argument(
        "--show", type=int, default=3, metavar="N", help="differences printed a group (default 3)"
    )
    given = arguments.parse_args()
    chosen = [probe for probe in probes.all_probes() if fnmatch.fnmatchcase(probe.name, given.only)]
    if not chosen:
        print(f"no probe is called {given.only}", file=sys.stderr)
        return 2
    try:
        with ThreadPoolExecutor(2) as pool:
            services = (reference(given.reference), mock(given.mock))
            both = [pool.submit(answers, service, chosen) for service in services]
            expected, got = (each.result() for each in both)
    except OSError as error:
        print(f"a service cannot be reached: {error}", file=sys.stderr)
        return 2
    return report(zip(chosen, expected, got, strict=True), given.show)


def report(triples, show):
    sent, groups, excused = [], defaultdict(list), defaultdict(list)
    for probe, expected, got in triples:
        sent.append(probe.name)
        ours, theirs = got.compared(), expected.compared()
        if probe.name.startswith(("form/", "multipart/")):
            # The range field's package takes any form for a range without ends; the mock
            # keeps null.
            theirs["body"] = theirs["body"].replace(UNBOUNDED, b'"period":null')
        differing = [name for name in theirs if theirs[name] != ours[name]]
        why = excuse(probe, expected, got)
        if differing and why:
            excused[why].append(probe.name)
        elif differing:
            groups[probe.name.split("/")[0], tuple(differing)].append((probe, theirs, ours))
    for (corner, differing), members in sorted(groups.items(), key=lambda item: -len(item[1])):
        print(f"\n== {corner}: {', '.join(differing)} ({len(members)})")
        for probe, theirs, ours in members[:show]:
            print(f"-- {probe.name}\n   {probe.method} {shown(probe.path)} {shown(probe.body)}")
            for name in differing:
                print(f"   {name}\n     reference {shown(theirs[name])}")
                print(f"     mock      {shown(ours[name])}")
        if len(members) > show:
            print("   also " + ", ".join(probe.name for probe, _, _ in members[show:][:20]))
    for why, names in list(excused.items()):
        print(f"\nallowed, {why}: {len(names)}, such as {names[0]}")
    for pattern, why in ALLOWED:
        # Once the mock agrees, its excuse has to go.
        if fnmatch.filter(sent, pattern) and not fnmatch.filter(excused[why], pattern):
            print(f"\nallowed for nothing, {pattern}: {why}")
    different, allowed = sum(map(len, groups.values())), sum(map(len, excused.values()))
    print(f"\n{len(sent)} probes, {different} differ, {allowed} more are allowed to")
    return 1 if different else 0


def shown(value):
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    text = text if text.isprintable() else json.dumps(text)
    return text if len(text) <= 500 else f"{text[:300]} … {text[-150:]} ({len(text)})"


if __name__ == "__main__":
    sys.exit(main())
