package whippymock;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtensionContext.Store.CloseableResource;

/** A server of worlds: one that this process starts and stops, or one that runs already. */
final class Server implements CloseableResource {
    /** Variable, and system property, that name a binary. They go before the {@code PATH}. */
    static final String BINARY_VARIABLE = "WHIPPY_MOCK_BINARY";

    static final String BINARY_PROPERTY = "whippy.binary";

    private static final String ANNOUNCEMENT = "Listening on ";
    private static final String NOT_FOUND =
            "there is no whippy-mock on the PATH; put one there, or name one with "
                    + BINARY_VARIABLE;
    private static final long START_SECONDS = 20;
    private static final long STOP_SECONDS = 10;

    private final String url;
    private final String token;
    private final Admin admin;
    private final Process process;

    private Server(String url, String token, String adminToken, Process process) {
        this.url = url;
        this.token = token;
        this.admin = new Admin(url, adminToken);
        this.process = process;
    }

    /** The mock that {@code WHIPPY_URL} names, as under {@code exec}; else a new one. */
    static Server ofRun(Map<String, String> environment) {
        String url = environment.getOrDefault("WHIPPY_URL", "").replaceAll("/+$", "");
        if (url.isEmpty() || !isMock(url)) {
            return start(findBinary(environment));
        }
        // A mock without a token of its own takes any.
        String token = environment.getOrDefault("WHIPPY_TOKEN", newToken());
        return new Server(url, token, environment.get("WHIPPY_MOCK_ADMIN_TOKEN"), null);
    }

    /**
     * Tells a mock from a live service, which a client may find by the same variable. It is asked
     * once, without a token, and left alone if it is not a mock.
     */
    private static boolean isMock(String url) {
        try {
            Map<String, Object> health = new Admin(url, null).call("GET", "health");
            return health != null && String.valueOf(health.get("message")).contains("whippy-mock");
        } catch (WhippyException error) {
            if (error.status() != 0) {
                return false;
            }
            throw new WhippyException(
                    "WHIPPY_URL is set, and "
                            + error.getMessage()
                            + "; unset it, and the tests start a mock of their own");
        }
    }

    /** Starts a server on a free port, and returns when it listens. */
    static Server start(Path binary, String... arguments) {
        String token = newToken();
        List<String> command = new ArrayList<>(List.of(binary.toString()));
        command.addAll(List.of("--listen", "127.0.0.1:0", "--token", token));
        command.addAll(List.of(arguments));
        try {
            Path said = Files.createTempFile("whippy-mock-", ".log");
            said.toFile().deleteOnExit();
            ProcessBuilder builder = new ProcessBuilder(command).redirectError(said.toFile());
            // The tests set their own, or those of one machine would fail on another.
            builder.environment().remove("WHIPPY_MOCK_TOKEN");
            builder.environment().remove("WHIPPY_MOCK_ADMIN_TOKEN");
            Process process = builder.start();
            process.getOutputStream().close();
            Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
            String line = firstLine(process);
            if (!line.startsWith(ANNOUNCEMENT)) {
                throw new WhippyException(
                        "%s did not start: %s; on standard error it said\n\n%s"
                                .formatted(binary, why(line, process), Files.readString(said)));
            }
            return new Server(line.substring(ANNOUNCEMENT.length()), token, null, process);
        } catch (IOException error) {
            throw new WhippyException(binary + " cannot be run: " + error.getMessage());
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw new WhippyException("the start of " + binary + " was interrupted");
        }
    }

    /** The binary that is named, or the one on the {@code PATH}. */
    static Path findBinary(Map<String, String> environment) {
        String named =
                System.getProperty(
                        BINARY_PROPERTY, environment.getOrDefault(BINARY_VARIABLE, ""));
        if (!named.isEmpty()) {
            Path path = Path.of(named);
            if (Files.isExecutable(path) && Files.isRegularFile(path)) {
                return path.toAbsolutePath();
            }
            throw new WhippyException(
                    "%s is `%s`, which is not a file that can be run"
                            .formatted(BINARY_VARIABLE, named));
        }
        boolean isWindows = System.getProperty("os.name").startsWith("Windows");
        String name = isWindows ? "whippy-mock.exe" : "whippy-mock";
        return Stream.of(environment.getOrDefault("PATH", "").split(File.pathSeparator))
                .map(directory -> Path.of(directory, name))
                .filter(Files::isExecutable)
                .findFirst()
                .orElseThrow(() -> new WhippyException(NOT_FOUND));
    }

    String url() {
        return url;
    }

    String token() {
        return token;
    }

    Admin admin() {
        return admin;
    }

    /** Started here, and so stopped here. */
    boolean isOwn() {
        return process != null;
    }

    /** Ends the process, if it was started here: by force if it takes too long. */
    @Override
    public void close() throws InterruptedException {
        if (process != null) {
            process.destroy();
            if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
            }
        }
    }

    private static String firstLine(Process process) throws InterruptedException {
        BufferedReader stdout =
                new BufferedReader(
                        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        CompletableFuture<String> line = CompletableFuture.supplyAsync(() -> readLine(stdout));
        try {
            return line.get(START_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException error) {
            return "";
        } catch (ExecutionException error) {
            throw new WhippyException("the first line cannot be read: " + error.getCause());
        }
    }

    /** Reason why a process is no server. The process is ended. */
    private static String why(String line, Process process) throws InterruptedException {
        boolean hasEnded = line.isEmpty() && process.waitFor(1, TimeUnit.SECONDS);
        process.destroyForcibly().waitFor();
        if (hasEnded) {
            return "it ended with exit code " + process.exitValue();
        }
        return line.isEmpty()
                ? "it said nothing for " + START_SECONDS + " seconds"
                : "its first line is `" + line + "`";
    }

    private static String readLine(BufferedReader reader) {
        try {
            String line = reader.readLine();
            return line == null ? "" : line;
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static String newToken() {
        return "whippy-" + UUID.randomUUID();
    }
}
