"""Mistakes of a client, as the mock tells them: levels, findings, and their text.

Nothing here knows pytest or HTTP.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Level = Literal["note", "warning", "error"]
"""The gravity of a finding; the later the graver."""

FailOn = Literal["note", "warning", "error", "never"]
"""Findings of this level or higher fail a test."""


@dataclass(frozen=True)
class Finding:
    """A mistake that a client made, once or more often."""

    id: str
    """The kind of mistake, such as `unknown-parameter`."""
    level: Level
    method: str
    target: str
    """Path and query of the request that shows it first."""
    sent: str
    """The part of the request that is wrong."""
    meant: str | None
    """The probable intention, where it can be told."""
    why: str
    source: Mapping[str, str]
    """The authority behind it: `grade`, `section`, and what it `says`."""
    count: int
    """Number of times that it came."""
    requests: tuple[int, ...]
    """The ids, in the journal, of the first requests that show it."""

    @classmethod
    def read(cls, shown: Mapping[str, Any]) -> Finding:
        """Reads a finding from its JSON. Members that are not known here are ignored."""
        return cls(
            id=shown["id"],
            level=shown["level"],
            method=shown["method"],
            target=shown["target"],
            sent=shown["sent"],
            meant=shown["meant"],
            why=shown["why"],
            source=shown["source"],
            count=shown["count"],
            requests=tuple(shown["requests"]),
        )

    def fails(self, fail_on: FailOn) -> bool:
        """Is true where it is grave enough to fail a test."""
        levels = get_args(FailOn)
        return fail_on != "never" and levels.index(self.level) >= levels.index(fail_on)

    def __str__(self) -> str:
        requests = f"request{'s' * (self.count > 1)} {', '.join(map(str, self.requests))}"
        if self.count > len(self.requests):
            requests += f" and {self.count - len(self.requests)} more"
        source = " · ".join(self.source.values())
        lines = [
            f"{self.level} {self.id}: {self.method} {self.target} ({requests})",
            f"  sent:   {self.sent}",
            *([f"  meant:  {self.meant}"] if self.meant else []),
            f"  why:    {self.why}",
            f"  source: {source}",
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class Standard:
    """The standard that a test holds its client to."""

    fail_on: FailOn
    ignore: Collection[str] = ()
    """Ids of findings that are known and pass."""

    def failing(self, findings: Iterable[Finding]) -> list[Finding]:
        """The findings that fail the test."""
        return [
            finding
            for finding in findings
            if finding.fails(self.fail_on) and finding.id not in self.ignore
        ]


def read_fail_on(text: object) -> FailOn:
    """Reads a level, or raises ValueError with the ones there are."""
    for level in get_args(FailOn):
        if text == level:
            return level  # type: ignore[no-any-return]
    levels = ", ".join(get_args(FailOn))
    raise ValueError(f"`{text}` is not a level of findings; there are {levels}")


def read_ignore(ids: object) -> list[str]:
    """Reads a list of ids, or raises ValueError."""
    if isinstance(ids, list | tuple | set | frozenset) and all(
        isinstance(name, str) for name in ids
    ):
        return sorted(ids)
    raise ValueError(
        f"ignore takes a list of findings' ids, such as ['undated-retry'], not {ids!r}"
    )


def verdict(findings: Iterable[Finding], standard: Standard) -> str | None:
    """The text that a test fails with for its findings; None where it does not."""
    findings = list(findings)
    failing = standard.failing(findings)
    if not failing:
        return None
    # The first line stands in pytest's summary, which shows no other.
    ids = ", ".join(dict.fromkeys(finding.id for finding in failing))
    mistakes = "a mistake" if len(failing) == 1 else f"{len(failing)} mistakes"
    ignored = sum(finding.id in standard.ignore for finding in findings)
    lesser = len(findings) - len(failing) - ignored
    notes = [
        f"{mistakes} of the client; fail_on = {standard.fail_on}",
        *([f"{lesser} below that"] if lesser else []),
        *([f"{ignored} ignored"] if ignored else []),
    ]
    head = f"whippy: {ids} ({', '.join(notes)})"
    return "\n\n".join([head, *map(str, failing)])
