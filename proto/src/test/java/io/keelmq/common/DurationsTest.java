package io.keelmq.common;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DurationsTest {

  @ParameterizedTest
  @CsvSource({"500ms,500", "10s,10000", "5 m,300000", "1h,3600000", "7d,604800000", "0s,0"})
  void readsWhatPeopleWrite(String text, long millis) {
    assertEquals(Optional.of(Duration.ofMillis(millis)), Durations.parse(text));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "10", "s", "-1s", "1.5s", "1MS", "1w", "100001d", "999999999999d"})
  void refusesWhatIsNoLengthOfTime(String text) {
    assertEquals(Optional.empty(), Durations.parse(text));
  }

  @Test
  void takesANumberAsSecondsWhereThatIsAllowed() {
    assertEquals(Optional.of(Duration.ofSeconds(10)), Durations.parseOrSeconds("10"));
    assertEquals(Optional.of(Duration.ofMillis(10)), Durations.parseOrSeconds("10ms"));
    assertEquals(Optional.empty(), Durations.parseOrSeconds("ten"));
  }

  @ParameterizedTest
  @CsvSource({
    "0,0 ms",
    "250,250 ms",
    "1000,1 s",
    "3330,3.3 s",
    "90000,90 s",
    "300000,5 min",
    "5400000,90 min",
    "129600000,36 h",
    "-500,-500 ms",
  })
  void writesWhatPeopleRead(long millis, String text) {
    assertEquals(text, Durations.text(Duration.ofMillis(millis)));
  }
}
