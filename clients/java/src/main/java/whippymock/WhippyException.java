package whippymock;

/** A refusal of the mock, or a mock that cannot be found, started or reached. */
public final class WhippyException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int status;
    private final String detail;

    WhippyException(String sentence) {
        this(sentence, 0);
    }

    WhippyException(String sentence, int status) {
        this(sentence, status, "");
    }

    WhippyException(String sentence, int status, String detail) {
        super(sentence);
        this.status = status;
        this.detail = detail;
    }

    /** HTTP status of the refusal; 0 where there was no answer. */
    public int status() {
        return status;
    }

    /** The mock's own words in a refusal; empty where there are none. */
    String detail() {
        return detail;
    }
}
