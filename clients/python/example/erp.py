"""The ERP of the example: what it says is in the shops."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    """Pieces of a SKU at a location of a provider."""

    sku: str
    provider: str
    location: str
    pieces: int


def items(count: int = 250) -> list[Item]:
    """A delivery at one warehouse: so many SKUs, of each some pieces."""
    return [
        Item(f"NEW-{number:04}", "Merkez Depo", "wh-tuzla", 1 + number % 9)
        for number in range(count)
    ]
