"""The name of a test's world, made of the test's node id."""

from __future__ import annotations

import hashlib
import re

LONGEST = 64
"""The longest name that the mock takes for a world."""

_HASH = 8


def world_name(node_id: str, salt: str = "") -> str:
    """Makes a name that the mock takes, and that no other node id or salt has.

    The end of the node id stays readable, since that is what tells tests apart; a hash
    of the whole keeps apart what is equal in it.
    """
    file, *rest = node_id.split("::")
    readable = ".".join([file.rsplit("/", 1)[-1], *rest])
    readable = re.sub(r"[^A-Za-z0-9._~-]+", "-", readable)
    readable = readable[-(LONGEST - _HASH - 1) :].strip("-.")
    digest = hashlib.sha256(f"{salt} {node_id}".encode()).hexdigest()[:_HASH]
    return f"{readable}-{digest}" if readable else digest
