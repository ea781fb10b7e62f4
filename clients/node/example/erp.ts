/** The ERP of the example: its stock in the shops. */

/** Pieces of a SKU at a location of a provider. */
export interface Item {
  sku: string;
  provider: string;
  location: string;
  pieces: number;
}

/** A delivery at one warehouse: so many SKUs, of each some pieces. */
export function items(count = 250): Item[] {
  return Array.from({ length: count }, (_, number) => ({
    sku: `NEW-${String(number).padStart(4, "0")}`,
    provider: "Merkez Depo",
    location: "wh-tuzla",
    pieces: 1 + (number % 9),
  }));
}
