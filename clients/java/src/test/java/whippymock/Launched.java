package whippymock;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder.request;

import java.util.Map;
import java.util.TreeMap;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherFactory;

/** Tests of a class, run by a launcher of their own. */
public final class Launched {
    private Launched() {}

    /** Results by the names of the methods. */
    public static Map<String, TestExecutionResult> run(Class<?> type) {
        Map<String, TestExecutionResult> results = new TreeMap<>();
        var listener =
                new TestExecutionListener() {
                    @Override
                    public void executionFinished(TestIdentifier test, TestExecutionResult result) {
                        if (test.isTest()) {
                            results.put(test.getDisplayName().replaceAll("\\(.*", ""), result);
                        }
                    }
                };
        LauncherFactory.create().execute(request().selectors(selectClass(type)).build(), listener);
        return results;
    }
}
