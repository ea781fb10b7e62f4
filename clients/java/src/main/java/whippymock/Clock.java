package whippymock;

import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Map;

/** The clock of a world. */
public final class Clock {
    private final Admin admin;

    Clock(Admin admin) {
        this.admin = admin;
    }

    /** The service's time. */
    public Instant now() {
        return moment(admin.call("GET", "clock"));
    }

    /** Stops it where it stands. */
    public Instant freeze() {
        return moment(admin.call("PUT", "clock", "{\"mode\":\"fixed\"}"));
    }

    /** Stops it at a moment. */
    public Instant freeze(Instant when) {
        Map<String, String> fixed = Map.of("mode", "fixed", "now", when.toString());
        return moment(admin.call("PUT", "clock", Json.write(fixed)));
    }

    /** Moves it ahead, if it stands or runs. */
    public Instant advance(Duration time) {
        double seconds = time.toNanos() / 1e9;
        return moment(admin.call("POST", "clock/advance", Json.write(Map.of("seconds", seconds))));
    }

    private static Instant moment(Map<String, Object> clock) {
        return OffsetDateTime.parse((String) clock.get("now")).toInstant();
    }
}
