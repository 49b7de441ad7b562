package io.keelmq.raftlog;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Habits that cost a night each. */
class TidyTest {

  @Test
  void nobodySleeps() throws IOException {
    assertEquals(List.of(), Sources.all().filesWith(line -> line.contains("Thread" + ".sleep")));
  }

  @Test
  void theClockIsNamedInTheOptionsOnly() throws IOException {
    var found =
        Sources.main()
            .filesWith(line -> line.contains("currentTimeMillis") || line.contains("nanoTime"));

    assertEquals(List.of("SegmentedLogOptions.java"), found);
  }

  @Test
  void noRandomnessOfItsOwn() throws IOException {
    assertEquals(List.of(), Sources.main().filesWith(line -> line.contains("new Random(")));
  }

  @Test
  void onlyTheRootOfAChangeCatchesEverything() throws IOException {
    var found = Sources.main().filesWith(line -> line.contains("catch (Throwable"));

    assertEquals(List.of("LogLock.java"), found);
  }

  @Test
  void noFileIsLongerThanFourHundredLines() throws IOException {
    assertEquals(List.of(), Sources.all().longerThan(400));
  }
}
