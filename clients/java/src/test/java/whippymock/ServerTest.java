package whippymock;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ServerTest {
    private static final Path BINARY = Server.findBinary(System.getenv());

    @Test
    void aServerListensWhenItHasStartedAndIsGoneWhenItHasStopped() throws Exception {
        Server server = Server.start(BINARY);
        assertTrue(server.isOwn());
        assertTrue(server.admin().call("GET", "health").containsKey("version"));
        server.close();
        var error =
                assertThrows(
                        WhippyException.class, () -> server.admin().call("GET", "health"));
        assertEquals(0, error.status());
        assertTrue(error.getMessage().contains("/__admin/health was not answered: "));
    }

    @Test
    void theLastWordsOfAServerThatDoesNotStartAreShown() {
        var error =
                assertThrows(
                        WhippyException.class, () -> Server.start(BINARY, "--world", "nowhere"));
        assertTrue(
                error.getMessage()
                        .matches("(?s).* did not start: it ended with exit code 2; .*nowhere.*"),
                error.getMessage());
    }

    @Test
    void aFirstLineThatIsNotAnAddressIsShown(@TempDir Path place) throws Exception {
        Path greeter = executable(place.resolve("greeter"));
        Files.writeString(greeter, "#!/bin/sh\necho Hello; exec sleep 60\n");
        var error = assertThrows(WhippyException.class, () -> Server.start(greeter));
        assertTrue(
                error.getMessage().contains("its first line is `Hello`; on standard error"),
                error.getMessage());
    }

    @Test
    void aBinaryThatIsNamedGoesBeforeThePath(@TempDir Path place) throws Exception {
        Path onPath = executable(place.resolve("whippy-mock"));
        Path named = executable(place.resolve("mine"));
        Map<String, String> environment = new HashMap<>(Map.of("PATH", "/none:" + place));
        assertEquals(onPath, Server.findBinary(environment));
        environment.put("WHIPPY_MOCK_BINARY", named.toString());
        assertEquals(named, Server.findBinary(environment));
        environment.put("WHIPPY_MOCK_BINARY", "no/such/file");
        var error =
                assertThrows(WhippyException.class, () -> Server.findBinary(environment));
        assertEquals(
                "WHIPPY_MOCK_BINARY is `no/such/file`, which is not a file that can be run",
                error.getMessage());
        Map<String, String> empty = Map.of("PATH", "/none");
        error = assertThrows(WhippyException.class, () -> Server.findBinary(empty));
        assertTrue(error.getMessage().startsWith("there is no whippy-mock on the PATH; put"));
    }

    @Test
    void aMockThatTheEnvironmentNamesIsUsedAndNotStopped() throws Exception {
        Server theirs = Server.start(BINARY);
        Map<String, String> environment =
                Map.of("WHIPPY_URL", theirs.url() + "/", "WHIPPY_TOKEN", theirs.token());
        Server server = Server.ofRun(environment);
        assertEquals(List.of(theirs.url(), theirs.token()), List.of(server.url(), server.token()));
        assertFalse(server.isOwn());
        server.close();
        theirs.admin().call("GET", "health");
        theirs.close();
    }

    @Test
    void aServiceThatIsNotAMockIsAskedOnceWithoutATokenAndLeftAlone() throws Exception {
        List<String> asked = new ArrayList<>();
        var loopback = InetAddress.getLoopbackAddress();
        var service = HttpServer.create(new InetSocketAddress(loopback, 0), 0);
        service.createContext(
                "/",
                exchange -> {
                    asked.add(
                            exchange.getRequestURI()
                                    + " "
                                    + exchange.getRequestHeaders().get("Authorization"));
                    byte[] page = "<html>".getBytes();
                    exchange.sendResponseHeaders(200, page.length);
                    exchange.getResponseBody().write(page);
                    exchange.close();
                });
        service.start();
        Map<String, String> environment = new HashMap<>(System.getenv());
        environment.put("WHIPPY_URL", "http://127.0.0.1:" + service.getAddress().getPort());
        environment.put("WHIPPY_MOCK_ADMIN_TOKEN", "secret");
        Server server = Server.ofRun(environment);
        assertTrue(server.isOwn());
        assertEquals(List.of("/__admin/health null"), asked);
        server.close();
        service.stop(0);
    }

    @Test
    void whereNothingAnswersThatIsSaid() {
        Map<String, String> environment = Map.of("WHIPPY_URL", "http://127.0.0.1:1");
        var error = assertThrows(WhippyException.class, () -> Server.ofRun(environment));
        assertTrue(
                error.getMessage().startsWith("WHIPPY_URL is set, and GET http://127.0.0.1:1/"),
                error.getMessage());
    }

    private static Path executable(Path path) throws Exception {
        Files.writeString(path, "#!/bin/sh\n");
        assertTrue(path.toFile().setExecutable(true));
        return path;
    }
}
