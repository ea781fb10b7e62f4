"""The source distribution, from which a wheel is built where there is none."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

PROJECT = Path(__file__).parents[1]
REPOSITORY = PROJECT.parents[1]


def test_it_has_the_files_that_the_crates_embed(tmp_path: Path) -> None:
    build = ["maturin", "sdist", "--out", str(tmp_path)]
    subprocess.run(build, cwd=PROJECT, check=True)
    [archive] = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        packed = {name.partition("/")[2] for name in opened.getnames()}
    embedded = [
        str(file.relative_to(REPOSITORY))
        for folder in ("fixtures", "schemas")
        for file in (REPOSITORY / folder).rglob("*")
        if file.is_file() and REPOSITORY / "schemas/test" not in file.parents
    ]
    assert embedded
    assert [file for file in embedded if file not in packed] == []
    assert {"Cargo.lock", "mock-server/Cargo.toml", "mock-server/src/main.rs"} <= packed
