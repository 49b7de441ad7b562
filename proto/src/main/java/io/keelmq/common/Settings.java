package io.keelmq.common;

import java.io.IOException;
import java.io.Reader;
import java.io.StringReader;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;

/**
 * What one program was configured with: defaults, then a properties file ({@code --config FILE}),
 * then {@code key=value} arguments, of which the later wins. Immutable.
 *
 * <p>A key that the program does not know is an error, so that a misspelt one cannot be ignored; so
 * is a key that stands in the file twice. Values are checked when their getter is called: read all
 * of them before the program starts anything.
 */
public final class Settings {

  static final long MAX_FILE_BYTES = 1 << 20;
  static final int MAX_LIST_LENGTH = 64;

  /**
   * A key that a program knows.
   *
   * @param defaultValue as it would be written in the file; empty: not set
   * @param meaning one line for the operator
   */
  public record Key(String name, String defaultValue, String meaning) {

    public Key {
      if (!name.matches("[a-z0-9.]+")) {
        throw new IllegalArgumentException("key \"" + name + "\" is not of [a-z0-9.]+");
      }
    }
  }

  private record Value(String text, String source) {}

  private final Map<String, Value> values;

  private Settings(Map<String, Value> values) {
    this.values = values;
  }

  public static Key key(String name, String defaultValue, String meaning) {
    return new Key(name, defaultValue, meaning);
  }

  /**
   * Reads the arguments of a program: {@code [--config FILE] [key=value ...]}.
   *
   * @throws ConfigurationException naming the key or argument, what was found and what was expected
   */
  public static Settings parse(List<Key> known, List<String> arguments) {
    var values = new LinkedHashMap<String, Value>();
    for (Key key : known) {
      if (values.put(key.name(), new Value(key.defaultValue(), "default")) != null) {
        throw new IllegalArgumentException("key " + key.name() + " is listed twice");
      }
    }
    Path file = null;
    // Arguments win over the file wherever --config stands, so they are put aside first.
    var given = new LinkedHashMap<String, String>();
    for (int i = 0; i < arguments.size(); i++) {
      String argument = arguments.get(i);
      if (argument.equals("--config")) {
        if (file != null) {
          throw new ConfigurationException("--config is given twice: expected one file");
        }
        if (i + 1 == arguments.size()) {
          throw new ConfigurationException("--config is the last argument: expected --config FILE");
        }
        file = Path.of(arguments.get(++i));
        continue;
      }
      int equals = argument.indexOf('=');
      if (equals <= 0) {
        throw new ConfigurationException(
            "argument \"" + argument + "\": expected [--config FILE] [key=value ...]");
      }
      given.put(argument.substring(0, equals).strip(), argument.substring(equals + 1).strip());
    }
    if (file != null) {
      String source = file.toString();
      readFile(file).forEach((name, text) -> put(values, name, text, source));
    }
    given.forEach((name, text) -> put(values, name, text, "command line"));
    return new Settings(values);
  }

  public static Settings parse(List<Key> known, String... arguments) {
    return parse(known, Arrays.asList(arguments));
  }

  private static void put(Map<String, Value> values, String name, String text, String source) {
    if (!values.containsKey(name)) {
      throw new ConfigurationException(
          "unknown key \"%s\" (%s): expected one of %s"
              .formatted(name, source, String.join(", ", new TreeSet<>(values.keySet()))));
    }
    values.put(name, new Value(text, source));
  }

  private static Map<String, String> readFile(Path file) {
    var found = new LinkedHashMap<String, String>();
    Set<String> twice = new LinkedHashSet<>();
    // Properties keeps the last of two lines without a word; the hook sees both.
    var properties =
        new Properties() {
          private static final long serialVersionUID = 1L;

          @Override
          public synchronized Object put(Object name, Object text) {
            if (found.put((String) name, ((String) text).strip()) != null) {
              twice.add((String) name);
            }
            return null;
          }
        };
    try {
      long bytes = Files.size(file);
      if (bytes > MAX_FILE_BYTES) {
        throw new ConfigurationException(
            "--config %s has %d bytes: expected a properties file of at most %d"
                .formatted(file, bytes, MAX_FILE_BYTES));
      }
      try (Reader reader = new StringReader(Files.readString(file))) {
        properties.load(reader);
      }
    } catch (NoSuchFileException e) {
      throw new ConfigurationException("--config " + file + ": there is no such file", e);
    } catch (CharacterCodingException | IllegalArgumentException e) {
      throw new ConfigurationException(
          "--config " + file + " is no properties file in UTF-8: " + e.getMessage(), e);
    } catch (IOException e) {
      throw new ConfigurationException("--config " + file + " cannot be read: " + e, e);
    }
    if (!twice.isEmpty()) {
      throw new ConfigurationException(
          "--config %s sets %s more than once: expected each key once"
              .formatted(file, String.join(", ", twice)));
    }
    return found;
  }

  /** Whether the key has a value that is not empty. */
  public boolean isSet(String key) {
    return !value(key).text().isEmpty();
  }

  /** The text, which is not empty. */
  public String string(String key) {
    String text = value(key).text();
    if (text.isEmpty()) {
      throw bad(key, "a value");
    }
    return text;
  }

  /** The text, if it is one of {@code allowed}. */
  public String oneOf(String key, String... allowed) {
    String text = string(key);
    if (!Arrays.asList(allowed).contains(text)) {
      throw bad(key, "one of " + String.join(", ", allowed));
    }
    return text;
  }

  public boolean bool(String key) {
    return oneOf(key, "true", "false").equals("true");
  }

  /**
   * @param min inclusive
   * @param max inclusive
   */
  public int integer(String key, int min, int max) {
    String expected = "a whole number from " + min + " to " + max;
    try {
      int number = Integer.parseInt(string(key));
      if (number >= min && number <= max) {
        return number;
      }
    } catch (NumberFormatException e) {
      throw bad(key, expected, e);
    }
    throw bad(key, expected);
  }

  /** A size such as {@code 4096}, {@code 64KiB}, {@code 256MiB} or {@code 1GiB}, in bytes. */
  public long bytes(String key) {
    return bytes(key, 0, Long.MAX_VALUE);
  }

  /**
   * As {@link #bytes(String)}, within bounds.
   *
   * @param min inclusive
   * @param max inclusive
   */
  public long bytes(String key, long min, long max) {
    String expected = "a size such as 4096, 64KiB, 256MiB or 1GiB";
    if (min > 0 || max < Long.MAX_VALUE) {
      expected += " from " + min + " to " + max + " bytes";
    }
    long bytes =
        quantity(
            key, expected, List.of("KiB", "MiB", "GiB", "B", ""), 1 << 10, 1 << 20, 1 << 30, 1, 1);
    if (bytes < min || bytes > max) {
      throw bad(key, expected);
    }
    return bytes;
  }

  /** A duration such as {@code 500ms}, {@code 2s} or {@code 1m}. */
  public Duration duration(String key) {
    return duration(key, Duration.ZERO, Duration.ofMillis(Long.MAX_VALUE));
  }

  /**
   * As {@link #duration(String)}, within bounds.
   *
   * @param min inclusive
   * @param max inclusive
   */
  public Duration duration(String key, Duration min, Duration max) {
    String expected = "a duration such as 500ms, 2s or 1m";
    if (!min.isZero() || max.toMillis() < Long.MAX_VALUE) {
      expected += " from " + min.toMillis() + "ms to " + max.toMillis() + "ms";
    }
    String named = expected;
    return Durations.parse(string(key))
        .filter(found -> found.compareTo(min) >= 0 && found.compareTo(max) <= 0)
        .orElseThrow(() -> bad(key, named));
  }

  private long quantity(String key, String expected, List<String> suffixes, long... factors) {
    String text = string(key);
    for (int i = 0; i < factors.length; i++) {
      if (!text.endsWith(suffixes.get(i))) {
        continue;
      }
      String digits = text.substring(0, text.length() - suffixes.get(i).length()).strip();
      if (!digits.matches("[0-9]{1,18}")) {
        throw bad(key, expected);
      }
      try {
        return Math.multiplyExact(Long.parseLong(digits), factors[i]);
      } catch (ArithmeticException e) {
        throw bad(key, expected, e);
      }
    }
    throw bad(key, expected);
  }

  /** Where to listen, or where another listens. Port 0 lets a listener take any free port. */
  public HostPort hostPort(String key) {
    try {
      return HostPort.parse(string(key));
    } catch (IllegalArgumentException e) {
      throw bad(key, "host:port", e);
    }
  }

  /** A comma separated list without repeats; empty if the key is not set. */
  public List<HostPort> hostPorts(String key) {
    String expected =
        "a comma separated list of host:port without repeats, at most " + MAX_LIST_LENGTH;
    if (!isSet(key)) {
      return List.of();
    }
    var found = new ArrayList<HostPort>();
    for (String part : string(key).split(",", -1)) {
      HostPort address;
      try {
        address = HostPort.parse(part.strip());
      } catch (IllegalArgumentException e) {
        throw bad(key, expected, e);
      }
      if (address.port() == 0 || found.contains(address) || found.size() == MAX_LIST_LENGTH) {
        throw bad(key, expected);
      }
      found.add(address);
    }
    return List.copyOf(found);
  }

  /**
   * For a rule that a program has about a value; made here so that all such errors read alike.
   *
   * @param expected completes "expected ..."
   */
  public ConfigurationException bad(String key, String expected) {
    return bad(key, expected, null);
  }

  private ConfigurationException bad(String key, String expected, Exception cause) {
    Value value = value(key);
    return new ConfigurationException(
        "%s=%s (%s): expected %s".formatted(key, value.text(), value.source(), expected), cause);
  }

  private Value value(String key) {
    Value value = values.get(key);
    if (value == null) {
      throw new IllegalArgumentException("the program asks for a key that it did not list: " + key);
    }
    return value;
  }

  /**
   * All keys with their values on one line for the start log; what is not a default is marked *.
   */
  public String describe() {
    var text = new StringBuilder();
    values.forEach(
        (name, value) ->
            text.append(text.isEmpty() ? "" : " ")
                .append(name)
                .append('=')
                .append(value.text())
                .append(value.source().equals("default") ? "" : "*"));
    return text.toString();
  }

  /** The keys with defaults and meanings, a line each, for a program's help. */
  public static String help(List<Key> known) {
    var text = new StringBuilder();
    for (Key key : known) {
      text.append(
          "  %-24s %s%s%n"
              .formatted(
                  key.name(),
                  key.meaning(),
                  key.defaultValue().isEmpty() ? "" : " (" + key.defaultValue() + ")"));
    }
    return text.toString();
  }
}
