package whippymock;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A request and its answer, as the journal has them.
 *
 * @param id number of the request among all of the server's
 * @param operation id of the operation; {@code unrouted} where there is none
 * @param rule rule that decided the answer; null where there was none
 * @param method method of the request
 * @param target path and query, without the prefix of the world
 * @param requestBody text of the request's body; null where it is not UTF-8
 * @param status status of the answer; 0 where nothing was answered
 * @param responseBody text of the answer's body; null where there is none
 * @param faults names of the faults and defects that had a part in it
 */
public record Exchange(
        int id,
        String operation,
        String rule,
        String method,
        String target,
        String requestBody,
        int status,
        String responseBody,
        List<String> faults) {

    static Exchange read(Map<String, Object> json, String prefix) {
        Map<String, Object> request = Json.object(json.get("request"));
        Map<String, Object> response = Json.object(json.get("response"));
        String target = (String) request.get("target");
        List<String> faults = new ArrayList<>(Json.texts(json.get("faults")));
        faults.addAll(Json.texts(json.get("defects")));
        return new Exchange(
                Json.integer(json.get("id")),
                (String) json.get("operation"),
                (String) json.get("rule"),
                (String) request.get("method"),
                target.startsWith(prefix) ? target.substring(prefix.length()) : target,
                body(request),
                response == null ? 0 : Json.integer(response.get("status")),
                response == null ? null : body(response),
                faults);
    }

    private static String body(Map<String, Object> message) {
        return (String) Json.object(message.get("body")).get("text");
    }

    /** A line about it. */
    @Override
    public String toString() {
        String because = rule == null ? "" : operation + "/" + rule;
        String causes = faults.isEmpty() ? "" : "  by " + String.join(", ", faults);
        return "%7d %s %s %s  %s%s"
                .formatted(id, status == 0 ? "no answer" : status, method, target, because, causes);
    }
}
