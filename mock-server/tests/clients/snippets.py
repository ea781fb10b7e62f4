"""Runs the Python snippets of docs/snippets.md, as they stand, against a mock, and compares
what they print with the documented response that each of them names.

    snippets.py REPOSITORY URL

The snippets' host, http://localhost:8000, is the only thing that is replaced.
"""

import contextlib
import io
import json
import re
import sys
from pathlib import Path

import requests

HOST = "http://localhost:8000"
SNIPPET = re.compile(r"Gives `(\w+_\d+)` on .*?\n\n```python\n(.*?)```", re.S)


def main():
    repository, url = Path(sys.argv[1]), sys.argv[2]
    snippets = SNIPPET.findall((repository / "docs/snippets.md").read_text())
    differing = [name for name, code in snippets if not agrees(repository, url, name, code)]
    print(f"{len(snippets) - len(differing)} of {len(snippets)} snippets print what the page shows")
    return 1 if differing or len(snippets) != 11 else 0


def agrees(repository, url, name, code):
    fixture = json.loads((repository / f"fixtures/documented/{name}.json").read_text())
    state = {key: fixture[key] for key in ("world", "clock", "profile")}
    requests.post(f"{url}/__admin/reset", json=state).raise_for_status()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code.replace(HOST, url), name, "exec"), {})
    shown = json.dumps(fixture["response"]["body"]).replace("https://{whippy_api_url}", url)
    same = json.loads(printed.getvalue()) == json.loads(shown)
    print(f"{'ok  ' if same else 'FAIL'} {name}" + ("" if same else f": {printed.getvalue()}"))
    return same


if __name__ == "__main__":
    sys.exit(main())
