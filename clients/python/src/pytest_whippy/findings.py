"""What a client got wrong, as the mock tells it: levels, findings, and their text.

Nothing here knows pytest or HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Level = Literal["note", "warning", "error"]
"""How grave a finding is; the later the graver."""

FailOn = Literal["note", "warning", "error", "never"]
"""The level from which on findings fail a test."""


@dataclass(frozen=True)
class Finding:
    """A mistake that a client made, once or more often."""

    id: str
    """Which mistake."""
    level: Level
    method: str
    target: str
    """Path and query of the request that shows it first."""
    sent: str
    """What is wrong in it."""
    meant: str | None
    """What was probably meant, where that can be told."""
    why: str
    source: Mapping[str, str]
    """Who says so: `grade`, `section`, and what it `says`."""
    count: int
    """How often it came."""
    requests: tuple[int, ...]
    """The ids, in the journal, of the first requests that show it."""

    @classmethod
    def read(cls, shown: Mapping[str, Any]) -> Finding:
        """A finding from its JSON. Members that are not known here are passed over."""
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
        """Whether it is grave enough to fail a test."""
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


def read_fail_on(text: object) -> FailOn:
    """The level of a setting, or ValueError with the ones there are."""
    for level in get_args(FailOn):
        if text == level:
            return level  # type: ignore[no-any-return]
    levels = ", ".join(get_args(FailOn))
    raise ValueError(f"`{text}` is no level of findings; there are {levels}")


def verdict(findings: Iterable[Finding], fail_on: FailOn) -> str | None:
    """Why a test fails by what was found; None where it does not."""
    findings = list(findings)
    grave = [finding for finding in findings if finding.fails(fail_on)]
    if not grave:
        return None
    # The first line stands in pytest's summary, which shows no other.
    ids = ", ".join(dict.fromkeys(finding.id for finding in grave))
    mistakes = "a mistake" if len(grave) == 1 else f"{len(grave)} mistakes"
    lesser = len(findings) - len(grave)
    below = f", {lesser} below that" if lesser else ""
    head = f"whippy: {ids} ({mistakes} of the client; fail_on = {fail_on}{below})"
    return "\n\n".join([head, *map(str, grave)])
