package whippymock;

/** A text that is not JSON. */
final class JsonException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    JsonException(String sentence) {
        super(sentence);
    }
}
