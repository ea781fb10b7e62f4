package example;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import whippymock.Exchange;
import whippymock.FailOn;
import whippymock.UseWhippy;
import whippymock.Whippy;

/** Tests of the right client. Even what is only worth a note fails them, and they pass. */
@UseWhippy(world = "demo", failOn = FailOn.NOTE)
class RightClientTest {
    /** A reservation whose answer is lost, after the piece was reserved. */
    static final String LOST_ANSWER =
            """
            [{
              "name": "lost-answer",
              "match": {"operation": "increase-reserved-stock"},
              "fault": {"kind": "reset"},
              "when": "after",
              "times": 1
            }]""";

    private static final String SKU = "TS1042-NVY-L";
    private static final String LOCATION = "wh-tuzla";
    private static final Instant ORDERED_AT = Instant.parse("2023-05-10T12:00:00Z");

    private RightClient client;

    @BeforeEach
    void connect(Whippy whippy) {
        client = new RightClient(whippy.url(), whippy.token(), Duration.ZERO);
    }

    private static List<Integer> statuses(Whippy whippy, String operation) {
        Map<String, String> filters = Map.of("operation", operation);
        return whippy.requests(filters).stream().map(Exchange::status).toList();
    }

    @Test
    void aSyncSendsTheNewItemsInBatches(Whippy whippy) throws Exception {
        List<Item> items = Item.delivery(250);
        assertEquals(250, client.sync(items));
        assertEquals(List.of(200, 200, 200), statuses(whippy, "upsert-stocks"));
        assertEquals(0, client.sync(items));
        assertEquals(1, whippy.coverage().wholeWalks());
    }

    @Test
    void plentifulStocksAreFound() throws Exception {
        assertTrue(client.skus("stock__gt=100").contains(SKU));
    }

    @Test
    void aReservationOutlivesALostAnswer(Whippy whippy) throws Exception {
        whippy.faults(LOST_ANSWER);
        assertEquals(208, client.reserve(SKU, LOCATION, ORDERED_AT));
        assertEquals(List.of(0, 208), statuses(whippy, "increase-reserved-stock"));
    }

    @Test
    void aReleaseCountsOnce() throws Exception {
        client.reserve(SKU, LOCATION, ORDERED_AT);
        assertEquals(201, client.release(SKU, LOCATION, ORDERED_AT));
        assertEquals(208, client.release(SKU, LOCATION, ORDERED_AT));
    }

    @Test
    void aServiceThatStaysAwayIsGivenUp(Whippy whippy) {
        whippy.faults("maintenance");
        assertThrows(IOException.class, () -> client.reserve(SKU, LOCATION, ORDERED_AT));
        assertEquals(RightClient.TRIES, whippy.requests().size());
    }
}
