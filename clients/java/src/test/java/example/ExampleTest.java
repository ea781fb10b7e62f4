package example;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import whippymock.Finding;
import whippymock.Launched;
import whippymock.Mistakes;

class ExampleTest {
    @Test
    void theWrongClientPassesItsTestsAndIsFailedByItsMistakesAlone() {
        Map<String, List<String>> told = new TreeMap<>();
        Launched.run(WrongClientSuite.class)
                .forEach(
                        (name, result) -> {
                            Throwable failure = result.getThrowable().orElseThrow();
                            Mistakes mistakes = assertInstanceOf(Mistakes.class, failure);
                            told.put(name, mistakes.findings().stream().map(Finding::id).toList());
                        });
        Map<String, List<String>> expected =
                Map.of(
                        "aSyncSendsTheNewItems", List.of("row-by-row-upsert", "unread-pages"),
                        "plentifulStocksAreFound", List.of("unknown-parameter"),
                        "aReservationOutlivesALostAnswer", List.of("undated-retry"),
                        "aReleaseWhereNothingIsReservedDoesNothing",
                                List.of("repeated-after-reported"),
                        "aRefusalIsTold", List.of("repeated-bad-request"));
        assertEquals(new TreeMap<>(expected), told);
    }
}
