package whippymock;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static whippymock.Asking.get;
import static whippymock.Asking.reserve;
import static whippymock.Asking.reserved;
import static whippymock.Asking.status;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

@UseWhippy(failOn = FailOn.NEVER)
class WhippyTest {
    private static final String DOWN =
            "[{\"name\": \"down\", \"fault\": {\"kind\": \"status\", \"status\": 503}}]";

    @Test
    @UseWhippy(
            world = "before-decrease",
            reading = "page-size=1",
            faults = "[{\"name\": \"r\", \"match\": {\"query\": {\"sku\": 500}},"
                    + " \"fault\": {\"kind\": \"status\", \"status\": 503}}]")
    void aResetBringsBackTheStartAndKeepsTheJournal(Whippy whippy) throws Exception {
        Map<String, Object> began = get(whippy, "stocks/");
        assertEquals(1, Json.objects(began.get("results")).size());
        assertEquals(201, reserve(whippy));
        whippy.clock().freeze(Instant.EPOCH);
        whippy.faults("[]");
        whippy.reset();
        assertEquals(began, get(whippy, "stocks/"));
        assertEquals(503, status(whippy, "stocks/?sku=500"));
        assertTrue(whippy.clock().now().isAfter(Instant.parse("2001-01-01T00:00:00Z")));
        assertEquals(1, whippy.requests(Map.of("operation", "increase-reserved-stock")).size());
    }

    @Test
    void requestsAreFoundByTheirMembers(Whippy whippy) throws Exception {
        reserve(whippy);
        get(whippy, "stocks/?page=9");
        assertEquals(
                List.of(201, 404), whippy.requests().stream().map(Exchange::status).toList());
        Map<String, ?> refused = Map.of("status", "4xx", "path", "/api/v1/stocks/");
        Exchange exchange = whippy.requests(refused).get(0);
        assertEquals("/api/v1/stocks/?page=9", exchange.target());
        Map<String, ?> body = Map.of("body", Map.of("location", "110"));
        assertTrue(whippy.requests(body).get(0).requestBody().contains("\"110\""));
        var error =
                assertThrows(
                        WhippyException.class, () -> whippy.requests(Map.of("colour", "red")));
        assertEquals(400, error.status());
        assertTrue(error.getMessage().contains("unknown field `colour`"), error.getMessage());
    }

    @Test
    void theClockStandsAndMovesAsItIsTold(Whippy whippy) {
        Instant moment = Instant.parse("2023-05-10T12:00:00Z");
        assertEquals(moment, whippy.clock().freeze(moment));
        assertEquals(moment, whippy.clock().freeze());
        Instant later = moment.plusMillis(90_500);
        assertEquals(later, whippy.clock().advance(Duration.ofMillis(90_500)));
        assertEquals(later, whippy.clock().now());
    }

    @Test
    void faultsAreAPresetAListOrAFileAndEnd(Whippy whippy) throws Exception {
        String file = "{\"seed\": 1, \"rules\": " + DOWN + "}";
        for (String faults : List.of("maintenance", DOWN, file)) {
            whippy.faults(faults);
            assertEquals(503, status(whippy, "stocks/"));
            whippy.faults("[]");
            assertEquals(200, status(whippy, "stocks/"));
        }
    }

    @Test
    void anAnswerThatIsLostIsShownAsNone(Whippy whippy) throws Exception {
        whippy.faults(
                "[{\"name\": \"lost\", \"match\": {\"nth\": 1}, \"fault\": {\"kind\": \"reset\"},"
                        + " \"when\": \"after\"}]");
        assertThrows(IOException.class, () -> reserve(whippy));
        assertEquals(1, reserved(whippy));
        assertTrue(
                whippy.story().contains(" no answer POST /api/v1/stocks/increase_reserved_stock/"),
                whippy.story());
        assertTrue(whippy.story().contains("  by lost"));
    }

    @Test
    void findingsAndCoverageAreOfTheWorld(Whippy whippy) throws Exception {
        get(whippy, "stocks/?stock_gt=4&limit=3");
        Finding finding = whippy.findings().get(0);
        assertEquals("unknown-parameter", finding.id());
        assertEquals(FailOn.WARNING, finding.level());
        assertEquals("stock__gt", finding.meant());
        assertEquals(1, whippy.coverage().requests());
        assertEquals(19, whippy.coverage().documented().size());
    }

    @Test
    void findingsThatAreIgnoredAreShownUntilTheyAreForgiven(Whippy whippy) throws Exception {
        whippy.checkIgnored(List.of("unknown-parameter", "undated-retry"));
        get(whippy, "stocks/?stock_gt=4&limit=3");
        assertEquals(
                List.of("unknown-parameter"),
                whippy.findings().stream().map(Finding::id).toList());
        whippy.forgive(List.of("unknown-parameter"));
        assertEquals(List.of(), whippy.findings());
    }
}
