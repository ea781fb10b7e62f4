/**
 * A Whippy Ware Stock API for every JUnit 5 test.
 *
 * <p>{@link whippymock.UseWhippy} gives each test a world of its own on one server, and fails a
 * test whose client made a mistake. Nothing here depends on anything but JUnit.
 */
package whippymock;
