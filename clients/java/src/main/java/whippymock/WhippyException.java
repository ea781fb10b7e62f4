package whippymock;

/** A refusal of the mock, or a mock that cannot be found, started or reached. */
public final class WhippyException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int status;

    WhippyException(String sentence) {
        this(sentence, 0);
    }

    WhippyException(String sentence, int status) {
        super(sentence);
        this.status = status;
    }

    /** HTTP status of the refusal; 0 where there was no answer. */
    public int status() {
        return status;
    }
}
