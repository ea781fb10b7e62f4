package example;

import java.util.List;
import java.util.stream.IntStream;

/** Pieces of a SKU at a location of a provider, as the ERP of the example has them. */
public record Item(String sku, String provider, String location, int pieces) {

    /** A delivery at one warehouse: so many SKUs, of each some pieces. */
    static List<Item> delivery(int count) {
        return IntStream.range(0, count)
                .mapToObj(
                        number ->
                                new Item(
                                        "NEW-%04d".formatted(number),
                                        "Merkez Depo",
                                        "wh-tuzla",
                                        1 + number % 9))
                .toList();
    }

    /** The row of an upsert, as JSON. */
    String row() {
        return """
                {"sku": "%s", "provider": "%s", "location": "%s", "stock": %d}"""
                .formatted(sku, provider, location, pieces);
    }
}
