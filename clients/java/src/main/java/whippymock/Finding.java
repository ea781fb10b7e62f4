package whippymock;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A mistake that a client made, once or more often.
 *
 * @param id kind of the mistake; docs/findings.md lists them
 * @param level its gravity: {@code NOTE}, {@code WARNING} or {@code ERROR}
 * @param method method of the request that shows it first
 * @param target path and query of that request
 * @param sent the wrong part of it
 * @param meant the part that was probably meant; null where that cannot be told
 * @param why the reason
 * @param source authority for the rule that was broken
 * @param count number of times that it was made
 * @param requests ids, in the journal, of the first requests that show it
 */
public record Finding(
        String id,
        FailOn level,
        String method,
        String target,
        String sent,
        String meant,
        String why,
        String source,
        int count,
        List<Integer> requests) {

    static Finding read(Map<String, Object> json) {
        Map<String, Object> source = Json.object(json.get("source"));
        return new Finding(
                (String) json.get("id"),
                FailOn.valueOf(((String) json.get("level")).toUpperCase(Locale.ROOT)),
                (String) json.get("method"),
                (String) json.get("target"),
                (String) json.get("sent"),
                (String) json.get("meant"),
                (String) json.get("why"),
                source.get("grade") + " · " + source.get("section") + " · " + source.get("says"),
                Json.integer(json.get("count")),
                ((List<?>) json.get("requests")).stream().map(Json::integer).toList());
    }

    boolean fails(FailOn failOn) {
        return level.compareTo(failOn) >= 0;
    }

    /** Reason why a test fails by these findings; null where it does not. */
    static Mistakes verdict(List<Finding> findings, FailOn failOn, String story) {
        List<Finding> grave = findings.stream().filter(found -> found.fails(failOn)).toList();
        if (grave.isEmpty()) {
            return null;
        }
        Set<String> ids = new LinkedHashSet<>();
        grave.forEach(finding -> ids.add(finding.id()));
        int lesser = findings.size() - grave.size();
        String head =
                "whippy: %s (%s of the client; failOn = %s%s)"
                        .formatted(
                                String.join(", ", ids),
                                grave.size() == 1 ? "a mistake" : grave.size() + " mistakes",
                                failOn,
                                lesser > 0 ? ", " + lesser + " below that" : "");
        List<String> parts = new ArrayList<>(List.of(head));
        grave.forEach(finding -> parts.add(finding.toString()));
        parts.add(story);
        return new Mistakes(String.join("\n\n", parts), grave);
    }

    @Override
    public String toString() {
        String ids = requests.stream().map(String::valueOf).collect(Collectors.joining(", "));
        int more = count - requests.size();
        return "%s %s: %s %s (request%s %s%s)\n  sent:   %s\n%s  why:    %s\n  source: %s"
                .formatted(
                        level.name().toLowerCase(Locale.ROOT),
                        id,
                        method,
                        target,
                        count > 1 ? "s" : "",
                        ids,
                        more > 0 ? " and " + more + " more" : "",
                        sent,
                        meant == null ? "" : "  meant:  " + meant + "\n",
                        why,
                        source);
    }
}
