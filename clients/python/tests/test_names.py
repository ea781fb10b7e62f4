"""Names of worlds."""

import re

import pytest

from pytest_whippy.names import world_name

LONG = f"tests/{'deep/' * 30}test_sync.py::TestAll::test_{'x' * 90}"


@pytest.mark.parametrize(
    "node_id",
    [
        "test_sync.py::test_it",
        "tests/unit/test_sync.py::TestAll::test_it[500-a/b c]",
        "test_ürün.py::test_ölçü[çok güzel]",
        "…::…",
        "",
        LONG,
    ],
)
def test_every_node_id_gives_a_name_that_the_mock_takes(node_id: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9._~-]{1,64}", world_name(node_id))


def test_a_name_says_which_test_it_is_of() -> None:
    name = world_name("tests/unit/test_sync.py::TestAll::test_it[a b]")
    assert name.startswith("test_sync.py.TestAll.test_it-a-b-")


def test_names_of_different_tests_and_salts_differ() -> None:
    node_ids = [
        "a/t.py::x",
        "b/t.py::x",
        "t.py::x[-]",
        "t.py::x[ ]",
        LONG,
        LONG + "y",
        f"y{LONG}",
    ]
    names = {world_name(node_id, salt) for node_id in node_ids for salt in "abc"}
    assert len(names) == 3 * len(node_ids)
