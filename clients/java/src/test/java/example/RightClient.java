package example;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** An integration client as it should be: the mistakes of {@link WrongClient}, done right. */
final class RightClient {
    /** Attempts before the client gives up. */
    static final int TRIES = 4;

    private static final int BATCH = 100;
    private static final HttpClient HTTP = HttpClient.newHttpClient();

    // Enough of JSON for an example; a client of yours has a library for it.
    private static final Pattern NEXT = Pattern.compile("\"next\":\"([^\"]+)\"");
    private static final Pattern SKU = Pattern.compile("\"sku\":\"([^\"]+)\"");

    private final String api;
    private final String token;
    private final Duration pause;

    /**
     * Makes a client.
     *
     * @param pause time before the first retry
     */
    RightClient(String url, String token, Duration pause) {
        this.api = url + "/api/v1/stocks/";
        this.token = token;
        this.pause = pause;
    }

    /** Asks, and tries again: every call of this client may be made twice. */
    HttpResponse<String> call(String method, String url, String json) throws Exception {
        HttpRequest request =
                HttpRequest.newBuilder(URI.create(url))
                        .timeout(Duration.ofSeconds(30))
                        .header("Authorization", "Token " + token)
                        .header("Content-Type", "application/json")
                        .method(method, BodyPublishers.ofString(json))
                        .build();
        for (int attempt = 0; attempt < TRIES; attempt++) {
            if (attempt > 0) {
                Thread.sleep(pause.multipliedBy(1L << (attempt - 1)).toMillis());
            }
            try {
                HttpResponse<String> response = HTTP.send(request, BodyHandlers.ofString());
                // A request that was refused for its content is refused again.
                if (response.statusCode() < 500) {
                    return response;
                }
            } catch (IOException error) {
                // The network; the next attempt may do.
            }
        }
        throw new IOException(method + " " + url + " was not answered, " + TRIES + " times");
    }

    /** SKUs of all stocks that a query fits, page by page to the last. */
    Set<String> skus(String query) throws Exception {
        Set<String> skus = new TreeSet<>();
        String url = api + "?limit=100&" + query;
        while (url != null) {
            String page = call("GET", url, "").body();
            SKU.matcher(page).results().forEach(found -> skus.add(found.group(1)));
            Matcher next = NEXT.matcher(page);
            url = next.find() ? next.group(1) : null;
        }
        return skus;
    }

    /** Sends the items that the service does not know yet, and returns their number. */
    int sync(List<Item> items) throws Exception {
        Set<String> known = skus("location=wh-tuzla");
        List<Item> news = new ArrayList<>(items);
        news.removeIf(item -> known.contains(item.sku()));
        for (int start = 0; start < news.size(); start += BATCH) {
            List<Item> batch = news.subList(start, Math.min(start + BATCH, news.size()));
            String rows = batch.stream().map(Item::row).collect(Collectors.joining(",", "[", "]"));
            call("POST", api + "insert_or_update_stock/", rows);
        }
        return news.size();
    }

    /** Reserves a piece for an order, once, however often it is asked; the status. */
    int reserve(String sku, String location, Instant orderedAt) throws Exception {
        return move("increase", sku, location, orderedAt);
    }

    /** Gives the piece of an order free, once, however often it is asked; the status. */
    int release(String sku, String location, Instant orderedAt) throws Exception {
        return move("decrease", sku, location, orderedAt);
    }

    private int move(String way, String sku, String location, Instant date) throws Exception {
        // The date is the order's and not that of the attempt: by it the service knows the
        // retry. 201 and 208 both say that it is done, the latter that it was before.
        String body = """
                {"sku": "%s", "location": "%s", "date": "%s"}""".formatted(sku, location, date);
        return call("POST", api + way + "_reserved_stock/", body).statusCode();
    }
}
