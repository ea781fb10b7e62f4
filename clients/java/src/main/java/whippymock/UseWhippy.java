package whippymock;

import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Gives each test a world of its own, as a parameter of type {@link Whippy}. Findings of its
 * client fail the test.
 *
 * <p>Of several annotations the closest to the test wins, member by member; only {@link #ignore}
 * adds up.
 */
@Target({ElementType.TYPE, ElementType.METHOD, ElementType.ANNOTATION_TYPE})
@Retention(RetentionPolicy.RUNTIME)
@Inherited
@ExtendWith(WhippyExtension.class)
public @interface UseWhippy {
    /** A built-in world by its name, or a file whose name ends with {@code .json}. */
    String world() default "";

    /** Readings in force, beside the defaults, each as {@code id=choice}. */
    String[] reading() default {};

    /** Faults from the start: a preset by its name, or JSON as {@link Whippy#faults} takes it. */
    String faults() default "";

    /** Ids of known findings, which do not fail a test. */
    String[] ignore() default {};

    /** Findings of this level or higher fail a test. */
    FailOn failOn() default FailOn.INHERITED;
}
