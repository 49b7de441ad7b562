package io.keelmq.broker.raft;

import java.util.Optional;

/**
 * Finds the faults that a test build plants, to prove that checks notice them or that bounds hold.
 * Each has a system property and a class in {@code io.keelmq.broker.canary}, with a public
 * constructor without arguments, that only the class path of a chaos test has. Stateless.
 */
final class Canary {

  private Canary() {}

  /**
   * The fault that {@code property} asks for, if it does.
   *
   * @throws IllegalStateException if it is asked for and this build cannot plant it
   */
  static <T> Optional<T> planted(String property, String className, Class<T> port) {
    String value = System.getProperty(property);
    if (value == null || value.equals("false")) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          Class.forName(className).asSubclass(port).getDeclaredConstructor().newInstance());
    } catch (ReflectiveOperationException | ClassCastException e) {
      throw new IllegalStateException(
          "-D%s=%s asks for a planted fault; only a test build with %s has it: remove the property"
              .formatted(property, value, className),
          e);
    }
  }
}
