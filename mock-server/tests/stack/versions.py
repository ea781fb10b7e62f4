"""What the versions of the stack answer differently, told by kind.

`KINDS` names every difference between the references that is known. `report()` counts
them, shows an example of each, and lists what no kind explains.
"""

import re
from collections import defaultdict
from dataclasses import dataclass

from probes import ZONE

OPENER_POLICY = "cross-origin-opener-policy"
WRONG_DATE = (b"Enter a valid date/time.", b"Datetime has wrong format.")


@dataclass(frozen=True)
class Kind:
    """A difference: its name, and the test that a probe and its answers show it.

    The test gets the probe and the answers of the oldest, the middle and the newest
    versions, each as a dictionary of what is compared.
    """

    name: str
    shows: callable


def dates_read(probe, old, mid, new):
    """The oldest refuses a date that the others read, now or in a request before."""
    refused = any(sentence in old["body"] for sentence in WRONG_DATE)
    earlier = b"".join(each.body for each in probe.before)
    depends = b'"date"' in earlier or b'"period"' in earlier
    return old != mid and mid == new and (refused or depends)


def not_ascii(probe):
    return any(max(value, default="") > "\x7f" for _, value in probe.headers)


# The first that shows explains a probe.
KINDS = [
    Kind(
        "the charset of a body is no text encoding",
        lambda probe, old, mid, new: b"Unsupported charset" in new["body"],
    ),
    Kind(
        "a Content-Type of several hundred characters",
        lambda probe, old, mid, new: new["status"] == 415 and mid["status"] != 415,
    ),
    Kind(
        "a header with characters beyond ASCII",
        lambda probe, old, mid, new: old["status"] == 500 and not_ascii(probe),
    ),
    Kind(
        "errors of many rows",
        lambda probe, old, mid, new: (
            mid["body"][:1] == b"[" and re.match(rb'\{\s*"\d+":', new["body"])
        ),
    ),
    Kind(
        "the empty page",
        lambda probe, old, mid, new: (
            re.search(r"[?&]page=(&|$)", probe.path)
            and mid["status"] != 200
            and mid["body"] != new["body"]
        ),
    ),
    Kind(
        "the words of a missing object",
        lambda probe, old, mid, new: b"matches the given query." in new["body"],
    ),
    Kind(
        "a boolean in mixed case",
        lambda probe, old, mid, new: b"Must be a valid boolean." in mid["body"] != new["body"],
    ),
    Kind(
        "a range that a form leaves out",
        lambda probe, old, mid, new: (
            b'"bounds":"[)"' in mid["body"] and b'"period":null' in new["body"]
        ),
    ),
    Kind("dates that only newer versions read", dates_read),
    Kind(
        "local time before 1928 and at the ends of the calendar",
        lambda probe, old, mid, new: probe.apart == ZONE,
    ),
]


def report(chosen, recorded, show, table):
    """Prints the table of differences; true if every one of them is known."""
    names = sorted(recorded)
    headers, found, unknown = defaultdict(list), defaultdict(list), []
    for place, probe in enumerate(chosen):
        compared = [recorded[name][place].compared() for name in names]
        for name in headers_that_differ(compared):
            headers[name].append((probe, compared))
        plain = [without_headers(each) for each in compared]
        if all(each == plain[0] for each in plain):
            continue
        kind = next((kind for kind in KINDS if shows(kind, probe, names, plain)), None)
        if kind is None:
            unknown.append((probe, plain))
        else:
            found[kind.name].append((probe, plain))
    lines = list(rows(names, headers, found))
    print("\n# The versions among themselves\n\n" + "\n".join(lines))
    for probe, plain in unknown[: show * 10]:
        print(f"-- {probe.name}\n   {probe.method} {probe.path[:300]!r} {probe.body[:300]!r}")
        for name, each in zip(names, plain, strict=True):
            print(f"     {name} {each['status']} {each['body'][:300]!r}")
    total = sum(map(len, found.values()))
    print(f"\n{len(chosen)} probes, {total} differ in a known way, {len(unknown)} in another")
    if table:
        table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return not unknown


def shows(kind, probe, names, plain):
    """A kind is tested on three versions; fewer are stretched to three."""
    old, mid, new = plain[0], plain[len(plain) // 2], plain[-1]
    return len(names) > 1 and kind.shows(probe, old, mid, new)


def headers_that_differ(compared):
    """The headers by which whole versions differ, whatever is asked."""
    if len({each.get(OPENER_POLICY) for each in compared}) > 1:
        yield OPENER_POLICY
    pages = {each.get("content-type") for each in compared}
    if len(pages) > 1 and all((page or "").startswith("text/html") for page in pages):
        yield "content-type of the stack's own pages"


def without_headers(compared):
    plain = {name: value for name, value in compared.items() if name != OPENER_POLICY}
    if (plain.get("content-type") or "").startswith("text/html"):
        plain["content-type"] = "text/html"
    return plain


def rows(names, headers, found):
    """The table as Markdown."""
    yield f"| difference | probes | an example | {' | '.join(names)} |"
    yield f"|---|---|---|{'---|' * len(names)}"
    for name, seen in headers.items():
        probe, compared = seen[0]
        header = name.split()[0]
        yield row(name, len(seen), probe, [str(each.get(header)) for each in compared])
    for kind in KINDS:
        if seen := found.get(kind.name):
            probe, plain = min(seen, key=lambda pair: example_size(pair[0]))
            yield row(kind.name, len(seen), probe, [answer(each) for each in plain])


def example_size(probe):
    return len(probe.before), len(probe.path) + len(probe.body)


def row(name, count, probe, answers):
    asked = f"{probe.method} {probe.path}"
    if probe.body:
        asked += f" {probe.body.decode('utf-8', 'backslashreplace')}"
    cells = [name, str(count), code(asked), *map(code, answers)]
    return f"| {' | '.join(cells)} |"


def answer(compared):
    return f"{compared['status']} {compared['body'].decode('utf-8', 'backslashreplace')}"


def code(text):
    text = " ".join(text.replace("|", "\\|").replace("`", "'").split())
    return f"`{text if len(text) <= 120 else text[:117] + '…'}`"
