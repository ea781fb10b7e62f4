package whippymock;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Documented responses and pages that a client has met.
 *
 * @param requests number of its requests to the API
 * @param documented the documented responses, each with how often it came
 * @param laterPages number of pages beyond the first
 * @param wholeWalks number of walks over more than one page that came to their end
 */
public record Coverage(
        int requests, Map<String, Integer> documented, int laterPages, int wholeWalks) {

    static Coverage read(Map<String, Object> json) {
        Map<String, Integer> documented = new LinkedHashMap<>();
        for (Map<String, Object> response : Json.objects(json.get("documented"))) {
            documented.put((String) response.get("name"), Json.integer(response.get("count")));
        }
        return new Coverage(
                Json.integer(json.get("requests")),
                documented,
                Json.integer(json.get("later_pages")),
                Json.integer(json.get("whole_walks")));
    }
}
