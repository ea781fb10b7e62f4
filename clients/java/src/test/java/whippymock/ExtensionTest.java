package whippymock;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static whippymock.Asking.get;
import static whippymock.Asking.reserve;
import static whippymock.Asking.reserved;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.platform.engine.TestExecutionResult;

/** Suites, run by a launcher of their own, and how their tests fared. */
class ExtensionTest {
    private static final String NOTE = "stocks/?sku=5&limit=100000";
    private static final String WARNING = "stocks/?stock_gt=4&limit=3";
    private static final String ERROR = "stocks/?api_token=none&sku=5";

    @UseWhippy
    static class Worlds {
        static final Set<String> SEEN = ConcurrentHashMap.newKeySet();

        @BeforeEach
        void theWorldIsThereBefore(Whippy whippy) throws Exception {
            assertEquals(0, reserved(whippy));
        }

        @Test
        void one(Whippy whippy) throws Exception {
            reserve(whippy);
            assertEquals(1, reserved(whippy));
            assertTrue(whippy.world().matches("Worlds\\.(one|another)-[0-9a-f]{8}"), whippy.world());
            SEEN.add(whippy.url());
        }

        @Test
        void another(Whippy whippy) throws Exception {
            one(whippy);
        }
    }

    @Test
    void everyTestHasAWorldOfItsOwnOnOneServer() {
        Suite.run(Worlds.class).outcomesAre(Map.of("one", "passed", "another", "passed"));
        assertEquals(2, Worlds.SEEN.size());
        assertEquals(1, Worlds.SEEN.stream().map(url -> url.split("/")[2]).distinct().count());
    }

    @UseWhippy
    static class Mistaken {
        @Test
        void note(Whippy whippy) throws Exception {
            get(whippy, NOTE);
        }

        @Test
        void warning(Whippy whippy) throws Exception {
            get(whippy, WARNING);
        }

        @Test
        @UseWhippy(failOn = FailOn.NOTE)
        void noteWhereItFails(Whippy whippy) throws Exception {
            get(whippy, NOTE);
        }

        @Test
        @UseWhippy(failOn = FailOn.ERROR)
        void warningWhereItPasses(Whippy whippy) throws Exception {
            get(whippy, WARNING);
        }

        @Test
        @UseWhippy(failOn = FailOn.ERROR)
        void error(Whippy whippy) throws Exception {
            get(whippy, ERROR);
        }

        @Test
        @UseWhippy(ignore = "unknown-parameter")
        void known(Whippy whippy) throws Exception {
            get(whippy, WARNING);
        }

        @Test
        @UseWhippy(failOn = FailOn.NEVER)
        void never(Whippy whippy) throws Exception {
            get(whippy, ERROR);
        }
    }

    @Test
    void findingsFromALevelOnFailTestsThatPassed() {
        Suite suite = Suite.run(Mistaken.class);
        suite.outcomesAre(
                Map.of(
                        "note", "passed",
                        "warning", "failed",
                        "noteWhereItFails", "failed",
                        "warningWhereItPasses", "passed",
                        "error", "failed",
                        "known", "passed",
                        "never", "passed"));
        Mistakes mistakes = assertInstanceOf(Mistakes.class, suite.failure("warning"));
        assertEquals(
                List.of("unknown-parameter"),
                mistakes.findings().stream().map(Finding::id).toList());
        String text = mistakes.getMessage();
        assertTrue(
                text.startsWith(
                        "whippy: unknown-parameter (a mistake of the client; failOn = WARNING)\n"
                                + "\nwarning unknown-parameter: GET /api/v1/stocks/?stock_gt=4"),
                text);
        assertTrue(text.contains("\n  meant:  stock__gt\n  why:    "), text);
        assertTrue(text.contains(" 200 GET /api/v1/stocks/?stock_gt=4&limit=3  "), text);
    }

    @UseWhippy
    static class Failing {
        @Test
        void fails(Whippy whippy) throws Exception {
            get(whippy, WARNING);
            assertEquals("this", "that");
        }

        @Test
        void failsWithoutFindings(Whippy whippy) throws Exception {
            reserve(whippy);
            assertEquals("this", "that");
        }

        @Test
        void skips(Whippy whippy) throws Exception {
            get(whippy, ERROR);
            assumeTrue(false);
        }
    }

    @Test
    void aTestThatFailedShowsItsStoryAndOneThatSkipsItselfIsNotJudged() {
        Suite suite = Suite.run(Failing.class);
        suite.outcomesAre(
                Map.of("fails", "failed", "failsWithoutFindings", "failed", "skips", "aborted"));
        assertInstanceOf(Mistakes.class, suite.failure("fails").getSuppressed()[0]);
        String story = suite.failure("failsWithoutFindings").getSuppressed()[0].getMessage();
        assertTrue(story.contains(" 201 POST /api/v1/stocks/increase_reserved_stock/"), story);
    }

    @UseWhippy(world = "demo", reading = "page-size=7", failOn = FailOn.NEVER)
    static class Outer {
        @Nested
        class Inner {
            @Test
            @UseWhippy(reading = "page-size=3")
            void eachMemberIsThatOfTheClosest(Whippy whippy) throws Exception {
                Map<String, Object> page = get(whippy, "stocks/");
                assertEquals(330, Json.integer(page.get("count")));
                assertEquals(3, Json.objects(page.get("results")).size());
            }
        }

        @Test
        @UseWhippy(world = "../../fixtures/worlds/empty.json")
        void aWorldMayBeAFile(Whippy whippy) throws Exception {
            assertEquals(0, Json.integer(get(whippy, "stocks/").get("count")));
        }

        @Test
        @UseWhippy(world = "dmeo")
        void misspelt(Whippy whippy) {}

        @Test
        @UseWhippy(reading = "page-size")
        void withoutAChoice(Whippy whippy) {}

        @Test
        @UseWhippy(ignore = "unknown-paramter")
        void noSuchFinding(Whippy whippy) {}
    }

    @Test
    void theAnnotationsOfTestClassAndEnclosingClassAddUp() {
        Suite suite = Suite.run(Outer.class);
        suite.outcomesAre(
                Map.of(
                        "eachMemberIsThatOfTheClosest", "passed",
                        "aWorldMayBeAFile", "passed",
                        "misspelt", "failed",
                        "withoutAChoice", "failed",
                        "noSuchFinding", "failed"));
        String misspelt = suite.failure("misspelt").getMessage();
        assertTrue(misspelt.contains("400: ") && misspelt.contains("`dmeo`"), misspelt);
        assertEquals(
                "reading `page-size` has no choice; write it as id=choice",
                suite.failure("withoutAChoice").getMessage());
        String noSuchFinding = suite.failure("noSuchFinding").getMessage();
        assertTrue(
                noSuchFinding.startsWith(
                        "ignore: there is no finding `unknown-paramter`; did you mean"
                                + " `unknown-parameter`?"),
                noSuchFinding);
    }

    @UseWhippy
    static class TooEarly {
        TooEarly(Whippy whippy) {
            assertNotEquals(null, whippy);
        }

        @Test
        void never() {}
    }

    @Test
    void outsideOfATestThereIsNoWorld() {
        Throwable failure = Suite.run(TooEarly.class).failure("never");
        assertTrue(
                failure.getMessage().contains("outside of a test there is no world"),
                failure.getMessage());
    }

    /** Names and results of the tests of a class. */
    private record Suite(Map<String, TestExecutionResult> results) {
        static Suite run(Class<?> type) {
            return new Suite(Launched.run(type));
        }

        void outcomesAre(Map<String, String> expected) {
            Map<String, String> found = new TreeMap<>();
            results.forEach(
                    (name, result) ->
                            found.put(
                                    name,
                                    switch (result.getStatus()) {
                                        case SUCCESSFUL -> "passed";
                                        case FAILED -> "failed";
                                        case ABORTED -> "aborted";
                                    }));
            assertEquals(new TreeMap<>(expected), found, results::toString);
        }

        Throwable failure(String name) {
            return results.get(name).getThrowable().orElseThrow();
        }
    }
}
