package io.keelmq.broker.filter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SqlFilterTest {

  private static final Map<String, String> PROPERTIES =
      Map.of(
          "n", "10",
          "f", "2.50",
          "neg", "-3",
          "big", "9007199254740993",
          "s", "orange juice",
          "q", "it's",
          "yes", "true",
          "no", "FALSE",
          "empty", "");

  /** The truth of an expression and of its opposite, which only unknown leaves alike. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          n = 10                            | TRUE
          n = 10.0                          | TRUE
          n = '10'                          | TRUE
          n = '10.0'                        | FALSE
          n <> 10                           | FALSE
          n <> 11                           | TRUE
          n < 10                            | FALSE
          n <= 10                           | TRUE
          n > 9.99                          | TRUE
          n >= 10.01                        | FALSE
          5 < n                             | TRUE
          n > f                             | TRUE
          n = n                             | TRUE
          neg = -3                          | TRUE
          neg < +0                          | TRUE
          n = 1e1                           | TRUE
          n > .5                            | TRUE
          big = 9007199254740993            | TRUE
          big = 9007199254740992            | FALSE
          f = 2.5                           | TRUE
          n BETWEEN 10 AND 20               | TRUE
          n BETWEEN 11 AND 20               | FALSE
          n NOT BETWEEN 11 AND 20           | TRUE
          n between neg and 10              | TRUE
          n BETWEEN 1 AND 5 OR n = 10       | TRUE
          s IN ('apple', 'orange juice')    | TRUE
          s IN ('apple')                    | FALSE
          s NOT IN ('apple')                | TRUE
          n IN (9, 10)                      | TRUE
          n IN ('9', 10)                    | TRUE
          s IS NULL                         | FALSE
          s IS NOT NULL                     | TRUE
          absent IS NULL                    | TRUE
          absent IS NOT NULL                | FALSE
          empty IS NULL                     | FALSE
          empty = ''                        | TRUE
          q = 'it''s'                       | TRUE
          s CONTAINS 'e j'                  | TRUE
          s CONTAINS 'x'                    | FALSE
          s NOT CONTAINS 'x'                | TRUE
          s STARTSWITH 'orange'             | TRUE
          s NOT STARTSWITH 'orange'         | FALSE
          s ENDSWITH 'juice'                | TRUE
          s ENDSWITH 'orange'               | FALSE
          s NOT ENDSWITH 'orange'           | TRUE
          yes = TRUE                        | TRUE
          no = TRUE                         | FALSE
          no = FALSE                        | TRUE
          yes                               | TRUE
          NOT no                            | TRUE
          TRUE                              | TRUE
          FALSE                             | FALSE
          TAGS = 'red'                      | TRUE
          TAGS IN ('blue', 'red')           | TRUE
          TAGS IS NOT NULL                  | TRUE
          tags = 'red'                      | UNKNOWN
          NOT n = 10                        | FALSE
          NOT (n = 10 AND f = 3)            | TRUE
          NOT NOT n = 10                    | TRUE
          n = 1 AND n = 2 OR n = 10         | TRUE
          n = 10 OR n = 1 AND n = 2         | TRUE
          (n = 10 OR n = 1) AND n = 2       | FALSE
          absent = 1                        | UNKNOWN
          absent <> 1                       | UNKNOWN
          absent = 'a'                      | UNKNOWN
          absent < 1                        | UNKNOWN
          absent IN ('a')                   | UNKNOWN
          absent NOT IN ('a')               | UNKNOWN
          absent BETWEEN 1 AND 2            | UNKNOWN
          absent CONTAINS 'a'               | UNKNOWN
          absent NOT CONTAINS 'a'           | UNKNOWN
          absent                            | UNKNOWN
          absent = absent                   | UNKNOWN
          s > 1                             | UNKNOWN
          s = 1                             | UNKNOWN
          s <> 1                            | UNKNOWN
          s                                 | UNKNOWN
          s = TRUE                          | UNKNOWN
          s > q                             | UNKNOWN
          absent = 1 AND n = 10             | UNKNOWN
          absent = 1 AND n = 11             | FALSE
          absent = 1 OR n = 10              | TRUE
          absent = 1 OR n = 11              | UNKNOWN
          n NOT BETWEEN absent AND 5        | TRUE
          n IN (1, 2) OR absent = 1         | UNKNOWN
          1 = 1                             | TRUE
          'a' = 'b'                         | FALSE
          """)
  void tellsTheTruth(String expression, Truth expected) throws Exception {
    boolean matches = SqlFilter.compile(expression).matches("red", PROPERTIES);
    boolean oppositeMatches =
        SqlFilter.compile("NOT (" + expression + ")").matches("red", PROPERTIES);

    assertEquals(expected == Truth.TRUE, matches);
    assertEquals(expected == Truth.FALSE, oppositeMatches);
  }

  @Test
  void aMessageWithoutTagHasNone() throws Exception {
    assertTrue(SqlFilter.compile("TAGS IS NULL").matches("", Map.of("TAGS", "planted")));
    assertFalse(SqlFilter.compile("TAGS = ''").matches("", Map.of()));
  }

  @Test
  void keywordsAreOfAnyCase() throws Exception {
    assertTrue(
        SqlFilter.compile("n Between 1 and 20 AnD not s in ('a') and absent is null")
            .matches("", PROPERTIES));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          n =                        | 3
          = 10                       | 0
          n = 10 AND                 | 10
          n == 10                    | 3
          n != 10                    | 2
          (n = 10                    | 7
          n = 10)                    | 6
          n 10                       | 2
          n = 'open                  | 4
          n > 'a'                    | 4
          'a' < n                    | 0
          n > TRUE                   | 4
          n BETWEEN 5 AND 1          | 16
          n BETWEEN 'a' AND 'b'      | 10
          n BETWEEN 1                | 11
          n IN ()                    | 6
          n IN ('a'                  | 9
          n IN ('a',)                | 10
          n IN (m)                   | 6
          'a' IN ('a')               | 0
          n IS 5                     | 5
          n IS NOT 5                 | 9
          5 IS NULL                  | 0
          n = NULL                   | 4
          n NOT = 5                  | 6
          n CONTAINS 5               | 11
          'text'                     | 6
          5                          | 1
          n = 1.2.3                  | 4
          n = 12abc                  | 4
          n = 1e                     | 4
          n = 1e99999999999          | 4
          n = - - 5                  | 6
          n = 1 # x                  | 6
          n = "5"                    | 4
          n-a = 5                    | 1
          AND                        | 0
          """)
  void saysWhereAFaultIs(String expression, int position) {
    var fault = assertThrows(FilterSyntaxException.class, () -> SqlFilter.compile(expression));

    assertEquals(position, fault.position(), fault.getMessage());
    assertTrue(
        fault.getMessage().startsWith("at character " + (position + 1) + ": expected "),
        fault.getMessage());
  }

  @Test
  void boundsLengthAndDepth() throws Exception {
    String deep = "(".repeat(FilterParser.MAX_DEPTH) + "TRUE" + ")".repeat(FilterParser.MAX_DEPTH);
    assertTrue(SqlFilter.compile(deep).matches("", Map.of()));
    assertThrows(FilterSyntaxException.class, () -> SqlFilter.compile("(" + deep + ")"));
    assertThrows(FilterSyntaxException.class, () -> SqlFilter.compile("NOT " + deep));

    String wide = "n=1 OR ".repeat(1_000) + "n=1";
    assertFalse(SqlFilter.compile(wide).matches("", Map.of("n", "2")));
    assertThrows(
        FilterSyntaxException.class,
        () -> SqlFilter.compile(" ".repeat(SqlFilter.MAX_LENGTH) + "TRUE"));
    assertThrows(FilterSyntaxException.class, () -> SqlFilter.compile("  "));
  }

  @Test
  void hugeNumbersAreQuick() throws Exception {
    var filter = SqlFilter.compile("n < 1e2147483640 AND n > 0 AND n <> 3");

    assertTrue(filter.matches("", Map.of("n", "1e2147483000")));
    assertTrue(filter.matches("", Map.of("n", "1e-2147483000")));
    assertFalse(filter.matches("", Map.of("n", "9".repeat(1_000_000))));
  }

  /** Whatever the text, it compiles or says where it does not; what compiles has a verdict. */
  @Test
  void anyTextIsReadOrRefused() throws Exception {
    String[] words = {
      "n", "absent", "TAGS", "=", "<>", "<", "<=", ">", ">=", "AND", "OR", "NOT", "BETWEEN", "IN",
      "IS", "NULL", "(", ")", ",", "'red'", "''", "'", "10", "-", "+", "1e5", ".", "TRUE",
      "CONTAINS", "STARTSWITH", "\ud83d\ude00", "\ud83d", "\0", "#", "e", "1e", "$"
    };
    long seed = Long.getLong("seed", 11);
    System.out.println("seed=" + seed);
    var random = new SplittableRandom(seed);
    int compiled = 0;
    for (int round = 0; round < 200_000; round++) {
      var text = new StringBuilder();
      for (int i = random.nextInt(1, 9); i > 0; i--) {
        text.append(words[random.nextInt(words.length)]).append(random.nextInt(4) > 0 ? " " : "");
      }
      try {
        SqlFilter.compile(text.toString()).matches("red", PROPERTIES);
        compiled++;
      } catch (FilterSyntaxException e) {
        assertTrue(e.position() >= 0 && e.position() <= text.length(), text.toString());
      }
    }
    assertTrue(compiled > 1_000, compiled + " compiled");
  }
}
