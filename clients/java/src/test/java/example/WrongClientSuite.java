package example;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import whippymock.FailOn;
import whippymock.UseWhippy;
import whippymock.Whippy;

/**
 * Tests as one writes them. The wrong client passes every one, and the extension fails it: {@link
 * ExampleTest} has the mistakes.
 */
@UseWhippy(world = "demo")
class WrongClientSuite {
    private static final String SKU = "TS1042-NVY-L";
    private static final String LOCATION = "wh-tuzla";

    private WrongClient client;

    @BeforeEach
    void connect(Whippy whippy) {
        client = new WrongClient(whippy.url(), whippy.token());
    }

    @Test
    @UseWhippy(failOn = FailOn.NOTE)
    void aSyncSendsTheNewItems() throws Exception {
        assertEquals(20, client.sync(Item.delivery(20)));
    }

    @Test
    void plentifulStocksAreFound() throws Exception {
        assertTrue(client.plentiful(100).contains(SKU));
    }

    @Test
    void aReservationOutlivesALostAnswer(Whippy whippy) throws Exception {
        whippy.faults(RightClientTest.LOST_ANSWER);
        assertTrue(client.reserve(SKU, LOCATION));
    }

    @Test
    void aReleaseWhereNothingIsReservedDoesNothing() throws Exception {
        assertFalse(client.release("KZ5001-KREM-STD", LOCATION));
    }

    @Test
    void aRefusalIsTold() throws Exception {
        String row = "{\"sku\": \"%s\"}".formatted(SKU);
        assertEquals(400, client.call("POST", "insert_or_update_stock/", row).statusCode());
    }
}
