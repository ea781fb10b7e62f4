package whippymock;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Map;

/** Requests to the API of a world. */
final class Asking {
    static final String SKU = "555AB1300456213004";

    private static final HttpClient HTTP = HttpClient.newHttpClient();

    private Asking() {}

    /** Status of the answer to a GET. */
    static int status(Whippy whippy, String path) throws Exception {
        return HTTP.send(request(whippy, path).build(), BodyHandlers.ofString()).statusCode();
    }

    /** JSON of the answer to a GET. */
    static Map<String, Object> get(Whippy whippy, String path) throws Exception {
        return Json.readObject(
                HTTP.send(request(whippy, path).build(), BodyHandlers.ofString()).body());
    }

    /** Status of the answer to a reservation. */
    static int reserve(Whippy whippy) throws Exception {
        var body = Json.write(Map.of("sku", SKU, "location", "110"));
        var request = request(whippy, "stocks/increase_reserved_stock/");
        var posted = request.POST(BodyPublishers.ofString(body)).build();
        return HTTP.send(posted, BodyHandlers.ofString()).statusCode();
    }

    /** Number of pieces that are reserved. */
    static int reserved(Whippy whippy) throws Exception {
        var results = Json.objects(get(whippy, "stocks/?sku=" + SKU).get("results"));
        return Json.integer(results.get(0).get("reserved_stock"));
    }

    private static HttpRequest.Builder request(Whippy whippy, String path) {
        return HttpRequest.newBuilder(URI.create(whippy.url() + "/api/v1/" + path))
                .header("Authorization", "Token " + whippy.token())
                .header("Content-Type", "application/json");
    }
}
