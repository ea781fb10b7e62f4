package whippymock;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** A world of a test's own, and what its client did there. */
public final class Whippy {
    /** Exchanges that the report of a failed test shows, the last ones. */
    private static final int SHOWN_EXCHANGES = 30;

    private final Server server;
    private final String world;
    private final String start;
    private final String startFaults;
    private final Admin admin;
    private final Clock clock;

    /**
     * Makes a world.
     *
     * @param start body of a reset, as JSON
     * @param startFaults as {@link #faults} takes them; empty for none
     */
    Whippy(Server server, String world, String start, String startFaults) {
        this.server = server;
        this.world = world;
        this.start = start;
        this.startFaults = startFaults;
        this.admin = server.admin().ofWorld(world);
        this.clock = new Clock(admin);
        reset();
    }

    /** Name of the world. */
    public String world() {
        return world;
    }

    /** Base URL for a client: {@code /api/v1/} follows. */
    public String url() {
        return admin.base();
    }

    /** Token that lets a client in: {@code Authorization: Token …}. */
    public String token() {
        return server.token();
    }

    /** Clock of the world. */
    public Clock clock() {
        return clock;
    }

    /**
     * Brings back the stocks, readings, clock and faults that the test began with. Journal and
     * findings stay as they are.
     */
    public void reset() {
        admin.call("POST", "reset", start);
        if (!startFaults.isEmpty()) {
            faults(startFaults);
        }
    }

    /** All exchanges so far, the oldest first. */
    public List<Exchange> requests() {
        return requests(Map.of());
    }

    /**
     * The exchanges that fit all filters, the oldest first: {@code operation}, {@code method},
     * {@code status} (404 or "4xx"), {@code path} (as of the API), {@code target_contains}, {@code
     * headers}, {@code body} and {@code since} (an id).
     */
    public List<Exchange> requests(Map<String, ?> filters) {
        Map<String, Object> wanted = new LinkedHashMap<>(filters);
        // The journal keeps a path as it came: with the world before it.
        wanted.computeIfPresent("path", (name, path) -> prefix() + path);
        Map<String, Object> found = admin.call("POST", "requests/find", Json.write(wanted));
        return Json.objects(found.get("requests")).stream()
                .map(exchange -> Exchange.read(exchange, prefix()))
                .toList();
    }

    /** Mistakes of the client so far, as if this were the end. */
    public List<Finding> findings() {
        return Json.objects(verdict().get("findings")).stream().map(Finding::read).toList();
    }

    /** Documented responses and pages that the client has met. */
    public Coverage coverage() {
        return Coverage.read(Json.object(verdict().get("coverage")));
    }

    /**
     * Lets things go wrong from now on.
     *
     * @param faults a preset by its name, or the JSON of a list of rules or of a whole file; {@code
     *     []} ends all faults
     */
    public void faults(String faults) {
        String json =
                switch (faults.strip().charAt(0)) {
                    case '{' -> faults;
                    case '[' -> "{\"rules\":" + faults + "}";
                    default -> Json.write(Map.of("preset", faults));
                };
        admin.call("PUT", "faults", json);
    }

    /**
     * Leaves findings out of the server's own report, as under {@code whippy-mock exec}. An id that
     * does not exist is refused with 400.
     */
    void forgive(List<String> ids) {
        if (!ids.isEmpty()) {
            String query =
                    ids.stream()
                            .map(id -> "id=" + URLEncoder.encode(id, StandardCharsets.UTF_8))
                            .collect(Collectors.joining("&"));
            admin.call("DELETE", "findings?" + query);
        }
    }

    /** Refuses ids of findings that do not exist, before the client asks anything. */
    void checkIgnored(List<String> ids) {
        if (ids.isEmpty()) {
            return;
        }
        try {
            forgive(ids);
        } catch (WhippyException error) {
            if (error.status() != 400) {
                throw error;
            }
            throw new WhippyException(
                    "ignore: " + error.detail().replaceFirst("^id: ", ""), 400, error.detail());
        }
        // Nothing is forgiven yet: findings() shows ignored findings too.
        admin.call("DELETE", "findings");
    }

    /** Gives the world up, with its journal. */
    public void drop() {
        try {
            server.admin().call("DELETE", "worlds/" + world);
        } catch (WhippyException error) {
            // A test may have given it up itself.
            if (error.status() != 404) {
                throw error;
            }
        }
    }

    /** The last exchanges, a line each. */
    public String story() {
        List<Exchange> exchanges = requests();
        int hidden = Math.max(0, exchanges.size() - SHOWN_EXCHANGES);
        List<String> lines = new ArrayList<>();
        lines.add("the journal of this test, in full as long as the server runs:");
        lines.add("  " + url() + "/__admin/requests");
        if (hidden > 0) {
            lines.add("  … " + hidden + " before these");
        }
        exchanges.stream().skip(hidden).map(Exchange::toString).forEach(lines::add);
        return String.join("\n", lines);
    }

    private String prefix() {
        return "/worlds/" + world;
    }

    private Map<String, Object> verdict() {
        return Json.objects(admin.call("GET", "findings?all=true").get("worlds")).get(0);
    }
}
