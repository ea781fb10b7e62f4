package whippymock;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.Predicate;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolutionException;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.platform.commons.support.AnnotationSupport;
import org.opentest4j.TestAbortedException;

/**
 * Gives each test a world, and judges its client when the test has passed. {@link UseWhippy}
 * registers it.
 *
 * <p>All tests of a run share one server: a world is what a test has to itself.
 */
public final class WhippyExtension
        implements BeforeEachCallback, AfterEachCallback, ParameterResolver {
    private static final Namespace NAMESPACE = Namespace.create(WhippyExtension.class);

    /** Longest part of a test's name in the name of its world. */
    private static final int LONGEST = 48;

    @Override
    public void beforeEach(ExtensionContext context) throws IOException {
        Settings settings = Settings.of(context);
        String name = worldName(context);
        Whippy whippy = new Whippy(server(context), name, settings.start(), settings.faults());
        whippy.checkIgnored(settings.ignore());
        context.getStore(NAMESPACE).put(Settings.class, settings);
        context.getStore(NAMESPACE).put(Whippy.class, whippy);
    }

    @Override
    public void afterEach(ExtensionContext context) {
        Whippy whippy = context.getStore(NAMESPACE).get(Whippy.class, Whippy.class);
        Settings settings = context.getStore(NAMESPACE).get(Settings.class, Settings.class);
        if (whippy == null) {
            return;
        }
        boolean isOwn = server(context).isOwn();
        if (!isOwn) {
            settings.forgive(whippy);
        }
        Optional<Throwable> failure = context.getExecutionException();
        if (failure.isEmpty()) {
            Mistakes mistakes = settings.judge(whippy);
            if (mistakes != null) {
                throw mistakes;
            }
        } else if (!(failure.get() instanceof TestAbortedException)) {
            failure.get().addSuppressed(settings.tell(whippy));
            return;
        }
        // Others that started the server report on all worlds when the run ends.
        if (isOwn) {
            whippy.drop();
        }
    }

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        return parameter.getParameter().getType() == Whippy.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
        Whippy whippy = context.getStore(NAMESPACE).get(Whippy.class, Whippy.class);
        if (whippy == null) {
            throw new ParameterResolutionException(
                    "outside of a test there is no world: take Whippy as a parameter of a test, of"
                            + " @BeforeEach or of @AfterEach");
        }
        return whippy;
    }

    private static Server server(ExtensionContext context) {
        return context.getRoot()
                .getStore(NAMESPACE)
                .getOrComputeIfAbsent(
                        Server.class, key -> Server.ofRun(System.getenv()), Server.class);
    }

    /** A name for a world: a readable part, and a part that no other has. */
    private static String worldName(ExtensionContext context) {
        // The parameters of a method, `(Whippy)`, would be the end of every name.
        String name = context.getDisplayName().replaceAll("\\([^)]*\\)$", "");
        String test = context.getRequiredTestClass().getSimpleName() + "." + name;
        String readable = test.replaceAll("[^A-Za-z0-9._~-]+", "-");
        readable = readable.substring(Math.max(0, readable.length() - LONGEST));
        return readable.replaceAll("^[-.]+|[-.]+$", "")
                + "-"
                + UUID.randomUUID().toString().substring(0, 8);
    }

    /** The annotations of a test together. */
    private record Settings(String start, String faults, FailOn failOn, List<String> ignore) {

        static Settings of(ExtensionContext context) throws IOException {
            List<UseWhippy> closestFirst = annotations(context);
            Map<String, Object> start = new LinkedHashMap<>();
            String world = first(closestFirst, UseWhippy::world, text -> !text.isEmpty(), "");
            if (world.endsWith(".json")) {
                start.put("world", Json.read(Files.readString(Path.of(world))));
            } else if (!world.isEmpty()) {
                start.put("world", world);
            }
            String[] none = {};
            String[] readings =
                    first(closestFirst, UseWhippy::reading, array -> array.length > 0, none);
            if (readings.length > 0) {
                start.put("profile", profile(readings));
            }
            return new Settings(
                    Json.write(start),
                    first(closestFirst, UseWhippy::faults, text -> !text.isEmpty(), ""),
                    first(
                            closestFirst,
                            UseWhippy::failOn,
                            level -> level != FailOn.INHERITED,
                            FailOn.WARNING),
                    closestFirst.stream().flatMap(given -> Arrays.stream(given.ignore())).toList());
        }

        private static List<UseWhippy> annotations(ExtensionContext context) {
            List<UseWhippy> found = new ArrayList<>();
            AnnotationSupport.findAnnotation(context.getTestMethod(), UseWhippy.class)
                    .ifPresent(found::add);
            Class<?> type = context.getRequiredTestClass();
            while (type != null) {
                AnnotationSupport.findAnnotation(type, UseWhippy.class).ifPresent(found::add);
                type = type.getEnclosingClass();
            }
            return found;
        }

        private static <T> T first(
                List<UseWhippy> given, Function<UseWhippy, T> member, Predicate<T> isSet, T none) {
            return given.stream().map(member).filter(isSet).findFirst().orElse(none);
        }

        private static Map<String, Object> profile(String[] readings) {
            Map<String, Object> profile = new LinkedHashMap<>();
            for (String reading : readings) {
                String[] parts = reading.split("=", 2);
                if (parts.length < 2) {
                    throw new WhippyException(
                            "reading `" + reading + "` has no choice; write it as id=choice");
                }
                boolean isNumber = parts[1].matches("[0-9]+");
                profile.put(parts[0], isNumber ? Integer.valueOf(parts[1]) : parts[1]);
            }
            return profile;
        }

        /** Tells a server that judges as well, such as that of exec, which findings are known. */
        void forgive(Whippy whippy) {
            try {
                whippy.forgive(ignore);
            } catch (WhippyException error) {
                // A test may have given its world up, and a mock that is gone has nothing to report.
                if (error.status() != 404 && error.status() != 0) {
                    throw error;
                }
            }
        }

        /** The reason why a test that passed fails; null where its client made no mistake. */
        Mistakes judge(Whippy whippy) {
            if (failOn == FailOn.NEVER) {
                return null;
            }
            List<Finding> unknown =
                    whippy.findings().stream()
                            .filter(finding -> !ignore.contains(finding.id()))
                            .toList();
            return Finding.verdict(unknown, failOn, whippy.story());
        }

        /** The story of a test that failed, and the findings beside it. */
        Throwable tell(Whippy whippy) {
            try {
                Mistakes mistakes = judge(whippy);
                return mistakes == null ? new Story(whippy.story()) : mistakes;
            } catch (WhippyException error) {
                // The test has failed; a mock that is gone must not hide why.
                return error;
            }
        }
    }

    /** The exchanges of a test that failed, for its report. */
    private static final class Story extends Exception {
        private static final long serialVersionUID = 1L;

        Story(String story) {
            super(story, null, false, false);
        }
    }
}
