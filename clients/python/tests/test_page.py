"""docs/python.md: its files are written, and its commands run, in the order of the page."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import INI

REPOSITORY = Path(__file__).parents[3]
BLOCK = re.compile(r"(?:<!-- (.*?) -->\n)?^```(\w+)\n(.*?)^```$", re.M | re.S)


@dataclass
class Block:
    """A block of code, and the comment that says what becomes of it."""

    use: str
    language: str
    text: str


def blocks(page: str) -> list[Block]:
    return [Block(*(part or "" for part in parts)) for parts in BLOCK.findall(page)]


@pytest.fixture
def folder(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, binary: Path
) -> pytest.Pytester:
    """An empty folder in which `pytest` and `whippy-mock` are on the PATH."""
    path = [str(binary.parent), os.environ["PATH"]]
    monkeypatch.setenv("PATH", os.pathsep.join(path))
    # Colours would stand between the words that the page shows.
    monkeypatch.setenv("NO_COLOR", "1")
    pytester.makeini(INI)
    return pytester


def run_block(folder: pytest.Pytester, block: Block) -> None:
    """Runs the commands of a block, and compares the output with a console's."""
    if block.language != "console":
        for line in block.text.splitlines():
            result = folder.run("bash", "-c", line)
            assert result.ret == 0, line
        return
    command, _, shown = block.text.partition("\n")
    result = folder.run("bash", "-c", command.removeprefix("$ "))
    assert result.ret == 1, command
    printed = str(result.stdout)
    for part in shown.split("…\n"):
        assert part.strip() in printed


def test_every_file_and_command_of_the_page_does_what_the_page_says(
    folder: pytest.Pytester,
) -> None:
    page = (REPOSITORY / "docs/python.md").read_text(encoding="utf-8")
    used = []
    for block in blocks(page):
        use, _, name = block.use.partition(": ")
        if use == "file":
            (folder.path / name).write_text(block.text, encoding="utf-8")
        elif use == "run":
            run_block(folder, block)
        else:
            # The installation needs a release.
            assert block.text.startswith("pip install "), block.text
        used.append(use)
    assert used.count("file") == 5
    assert used.count("run") == 4


def test_the_first_test_of_the_readme_can_be_pasted(folder: pytest.Pytester) -> None:
    readme = (REPOSITORY / "clients/python/README.md").read_text(encoding="utf-8")
    first = next(block for block in blocks(readme) if block.language == "python")
    folder.makepyfile(first.text)
    folder.run("pytest").assert_outcomes(passed=1)
