package whippymock;

import java.util.List;

/** Mistakes of a client, which fail a test that passed. */
public final class Mistakes extends AssertionError {
    private static final long serialVersionUID = 1L;

    private final transient List<Finding> findings;

    Mistakes(String sentence, List<Finding> findings) {
        super(sentence);
        this.findings = findings;
        // The mistake is the client's, and no line here shows it.
        setStackTrace(new StackTraceElement[0]);
    }

    /** The findings that failed the test. */
    public List<Finding> findings() {
        return findings;
    }
}
