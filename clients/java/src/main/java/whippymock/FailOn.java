package whippymock;

/** Level from which on findings fail a test; the later the graver. */
public enum FailOn {
    /** Every finding fails. */
    NOTE,
    /** Warnings and errors fail. */
    WARNING,
    /** Only errors fail. */
    ERROR,
    /** No finding fails. */
    NEVER,
    /** As an annotation further out says; {@link #WARNING} where none does. */
    INHERITED
}
