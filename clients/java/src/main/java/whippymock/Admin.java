package whippymock;

import java.io.IOException;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Map;

/** The mock's admin paths over HTTP: JSON goes in, JSON comes out, a refusal is thrown. */
final class Admin {
    /** Longer than any admin path takes; a mock that is silent for so long hangs. */
    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    // The mock is on this machine: a proxy would be in the way.
    private static final HttpClient HTTP =
            HttpClient.newBuilder()
                    .version(HttpClient.Version.HTTP_1_1)
                    .proxy(ProxySelector.of(null))
                    .build();

    private final String base;
    private final String token;

    /** The admin paths under an address; the token may be null. */
    Admin(String base, String token) {
        this.base = base;
        this.token = token;
    }

    String base() {
        return base;
    }

    Admin ofWorld(String name) {
        return new Admin(base + "/worlds/" + name, token);
    }

    /** Asks without a body. The path begins behind {@code /__admin/}. */
    Map<String, Object> call(String method, String path) {
        return call(method, path, null);
    }

    /** Asks, and returns the object of the answer; null where it is empty. */
    Map<String, Object> call(String method, String path, String json) {
        URI uri = URI.create(base + "/__admin/" + path);
        HttpRequest.Builder request =
                HttpRequest.newBuilder(uri)
                        .timeout(TIMEOUT)
                        .header("Content-Type", "application/json")
                        .method(
                                method,
                                json == null
                                        ? BodyPublishers.noBody()
                                        : BodyPublishers.ofString(json));
        if (token != null) {
            request.header("Authorization", "Bearer " + token);
        }
        try {
            var answer = HTTP.send(request.build(), BodyHandlers.ofString());
            if (answer.statusCode() >= 300) {
                String why = detail(answer.body());
                throw new WhippyException(
                        "%s %s was answered %d: %s"
                                .formatted(method, uri, answer.statusCode(), why),
                        answer.statusCode(),
                        why);
            }
            return answer.body().isEmpty() ? null : Json.readObject(answer.body());
        } catch (ClassCastException | JsonException error) {
            throw new WhippyException(
                    "%s %s was not answered by a whippy-mock".formatted(method, uri), 200);
        } catch (IOException error) {
            throw new WhippyException(
                    "%s %s was not answered: %s".formatted(method, uri, error));
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw new WhippyException("%s %s was interrupted".formatted(method, uri));
        }
    }

    /** The {@code detail} of a problem document; the beginning of anything else. */
    private static String detail(String content) {
        try {
            Object detail = Json.readObject(content).get("detail");
            if (detail != null) {
                return detail.toString();
            }
        } catch (JsonException | ClassCastException error) {
            // Not a problem document.
        }
        return content.isEmpty()
                ? "nothing more was said"
                : content.substring(0, Math.min(200, content.length()));
    }
}
