"""Sends every probe to references and mocks, and prints where the answers differ.

    compare.py --reference django-4.2=http://127.0.0.1:9100 --mock django-4.2=http://127.0.0.1:8000

A mock is held to the reference of its name. Several references are held to each other as
well, and their differences printed as a table, which `versions.py` explains.

Exit code 0: mocks are equal to their references but for what `ALLOWED` explains, and every
difference between references is a known one; 1: they are not; 2: a service cannot be
reached. Compared are the status, the body's bytes and the headers but for those in
`SERVERS_OWN`; a date that can only be the moment of the request counts as equal to any
other such date.
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
import versions

# Headers of the web server or of the mock itself, of which the framework knows nothing.
SERVERS_OWN = (
    "date",
    "server",
    "connection",
    "transfer-encoding",
    "content-length",
    "whippy-mock-*",
)

DJ_REST_AUTH = "the package behind the reference's login has an email field too"
NO_PARTS = "a body without the boundary that its type names has no parts to the mock"

EAST_ASIA = "the mock does not read the multi-byte character sets of East Asia"
EAST_ASIAN = [
    "shift_jis", "euc-jp", "iso-2022-jp", "gb2312", "gbk", "gb18030", "big5", "euc-kr",
]  # fmt: skip
NOT_PLAIN = "the mock does not read codecs of Python that are no character sets"
ESCAPES = [
    "utf-7", "base64", "hex", "idna", "punycode", "unicode_escape",
    "raw_unicode_escape", "undefined", "charmap",
]  # fmt: skip

WIDE = "a query or a form in UTF-16 or UTF-32 has no names that the framework knows"

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
    (
        "multipart/base64 part",
        "the mock does not decode base64 parts, which no client of a JSON API sends",
    ),
    *((f"charset/{name}, *", EAST_ASIA) for name in EAST_ASIAN),
    *((f"charset/{name}, *", NOT_PLAIN) for name in ESCAPES),
    *((f"charset/[uU]*16*, {part} *", WIDE) for part in ("form", "link", "filter", "reserve")),
    ("charset/[uU]*32*, form *", WIDE),
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
        return {"status": self.status, "body": timeless(self.body), **self.framework_headers()}

    def framework_headers(self):
        return {
            name: value
            for name, value in sorted(self.headers.items())
            if not any(fnmatch.fnmatchcase(name, own) for own in SERVERS_OWN)
        }


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
        answer = exchange(self.address, probe.request(), probe.method)
        # What was refused has changed nothing; a failure may have.
        kept = not probe.writes or 400 <= answer.status < 500
        self.made_by = probe.before if kept else None
        return answer


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
    """The answers in the order of the probes, which are sent so that few resets are needed."""
    together = defaultdict(list)
    for place, probe in enumerate(chosen):
        together[probe.before].append(place)
    got = {place: service.ask(chosen[place]) for places in together.values() for place in places}
    return [got[place] for place in range(len(chosen))]


def excuse(probe, expected, got):
    """Why the answers to this probe may differ, or nothing."""
    if probe.apart:
        return probe.apart
    if expected.status == 500 and got.status < 500:
        return "the service fails with 500; the mock refuses"
    return next((why for pattern, why in ALLOWED if fnmatch.fnmatchcase(probe.name, pattern)), "")


def address_of(text):
    """`NAME=URL`, as a pair."""
    name, equals, url = text.partition("=")
    if not equals or not url.startswith("http://"):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=http://HOST:PORT")
    return name, url


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument(
        "--reference", required=True, action="append", type=address_of, metavar="NAME=URL"
    )
    arguments.add_argument(
        "--mock", default=[], action="append", type=address_of, metavar="NAME=URL"
    )
    arguments.add_argument(
        "--only", default="*", metavar="PATTERN", help="probes to send, as a shell pattern"
    )
    arguments.add_argument(
        "--show", type=int, default=3, metavar="N", help="differences printed a group (default 3)"
    )
    arguments.add_argument(
        "--table", type=Path, metavar="FILE", help="write the differences of the references there"
    )
    given = arguments.parse_args()
    references, mocks = dict(given.reference), dict(given.mock)
    if unknown := mocks.keys() - references.keys():
        print(f"no reference is called {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    chosen = [probe for probe in probes.all_probes() if fnmatch.fnmatchcase(probe.name, given.only)]
    if not chosen:
        print(f"no probe is called {given.only}", file=sys.stderr)
        return 2
    services = {("reference", name): reference(url) for name, url in references.items()}
    services |= {("mock", name): mock(url) for name, url in mocks.items()}
    try:
        with ThreadPoolExecutor(len(services)) as pool:
            asked = {key: pool.submit(answers, each, chosen) for key, each in services.items()}
            got = {key: each.result() for key, each in asked.items()}
    except OSError as error:
        print(f"a service cannot be reached: {error}", file=sys.stderr)
        return 2
    equal = [
        report(
            name, zip(chosen, got["reference", name], got["mock", name], strict=True), given.show
        )
        for name in mocks
    ]
    if len(references) > 1:
        recorded = {name: got["reference", name] for name in references}
        equal.append(versions.report(chosen, recorded, given.show, given.table))
    return 0 if all(equal) else 1


def report(stack, triples, show):
    """Prints where a mock differs from its reference; true if nowhere but where it may."""
    print(f"\n# The mock and {stack}")
    sent, groups, excused = [], defaultdict(list), defaultdict(list)
    for probe, expected, got in triples:
        sent.append(probe.name)
        ours, theirs = got.compared(), expected.compared()
        if probe.name.startswith(("form/", "multipart/")) or ", form of " in probe.name:
            # The range field's package takes any form for a range without ends; the mock
            # keeps null.
            theirs["body"] = theirs["body"].replace(UNBOUNDED, b'"period":null')
        differing = [name for name in theirs | ours if theirs.get(name) != ours.get(name)]
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
                print(f"   {name}\n     reference {shown(theirs.get(name))}")
                print(f"     mock      {shown(ours.get(name))}")
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
    return not different


def shown(value):
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    text = text if text.isprintable() else json.dumps(text)
    return text if len(text) <= 500 else f"{text[:300]} … {text[-150:]} ({len(text)})"


if __name__ == "__main__":
    sys.exit(main())
