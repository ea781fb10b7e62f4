package example;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.List;

/**
 * An integration client as it is often written: it works at first sight, and is wrong. {@link
 * RightClient} does the same as it should be done.
 */
final class WrongClient {
    private static final HttpClient HTTP = HttpClient.newHttpClient();

    private final String api;
    private final String token;

    WrongClient(String url, String token) {
        this.api = url + "/api/v1/stocks/";
        this.token = token;
    }

    /** Asks, up to three times. */
    HttpResponse<String> call(String method, String path, String json) throws Exception {
        HttpRequest request =
                HttpRequest.newBuilder(URI.create(api + path))
                        .header("Authorization", "Token " + token)
                        .header("Content-Type", "application/json")
                        .method(method, BodyPublishers.ofString(json))
                        .build();
        for (int attempt = 1; attempt < 3; attempt++) {
            try {
                HttpResponse<String> response = HTTP.send(request, BodyHandlers.ofString());
                if (response.statusCode() < 400) {
                    return response;
                }
                // Wrong: a 400 will be a 400 again.
            } catch (IOException error) {
                // The network; another attempt may do.
            }
        }
        return HTTP.send(request, BodyHandlers.ofString());
    }

    /** Sends the items that the service does not know yet, and returns their number. */
    int sync(List<Item> items) throws Exception {
        // Wrong: this is the first page of many.
        String known = call("GET", "", "").body();
        List<Item> news = items.stream().filter(item -> !known.contains(item.sku())).toList();
        // Wrong: one call a row, though the service takes a list.
        for (Item item : news) {
            call("POST", "insert_or_update_stock/", item.row());
        }
        return news.size();
    }

    /** Stocks of more than so many pieces, as JSON. */
    String plentiful(int pieces) throws Exception {
        // Wrong: the filter is `stock__gt`; this one is ignored, without a word.
        return call("GET", "?stock_gt=" + pieces + "&limit=1000", "").body();
    }

    /** Reserves a piece. */
    boolean reserve(String sku, String location) throws Exception {
        // Wrong: without a `date` the retry in `call` may reserve a second one.
        String body = """
                {"sku": "%s", "location": "%s"}""".formatted(sku, location);
        return call("POST", "increase_reserved_stock/", body).statusCode() == 201;
    }

    /** Gives a reserved piece free. */
    boolean release(String sku, String location) throws Exception {
        String body = """
                {"sku": "%s", "location": "%s"}""".formatted(sku, location);
        for (int attempt = 0; attempt < 3; attempt++) {
            // Wrong: 208 says that it is done, and that there is nothing to wait for.
            if (call("POST", "decrease_reserved_stock/", body).statusCode() == 201) {
                return true;
            }
        }
        return false;
    }
}
