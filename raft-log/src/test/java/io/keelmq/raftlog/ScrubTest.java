package io.keelmq.raftlog;

import static io.keelmq.raftlog.TestLogs.records;
import static io.keelmq.raftlog.TestLogs.segment;
import static io.keelmq.raftlog.TestLogs.sidecar;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Segments at 1, 4 and 7 are sealed, the one at 10 is active. */
class ScrubTest {

  private final CrashFs fs = new CrashFs();
  private final SegmentedLog log = TestLogs.open(fs);
  private final List<CorruptLogException> found = new ArrayList<>();
  private final Scrub scrub = log.scrub(found::add);
  private int bytesRead;

  ScrubTest() {
    log.append(records(1, 10, 1));
    assertEquals(List.of(1L, 4L, 7L), bases());
  }

  private List<Long> bases() {
    return log.sealedSegments().stream().map(SegmentSummary::baseIndex).toList();
  }

  private void pass() throws InterruptedException {
    Optional<Long> next = Optional.of(0L);
    while (next.isPresent()) {
      next = scrub.next(next.get(), bytes -> bytesRead += bytes);
    }
  }

  @Test
  void readsEveryByteOfSealedSegments() throws InterruptedException {
    pass();

    assertEquals(List.of(), found);
    assertEquals(
        log.sealedSegments().stream().mapToLong(SegmentSummary::bytes).sum(), sealedBytes());
  }

  /** Of each segment the header is read twice. */
  private long sealedBytes() {
    return bytesRead - 3L * SegmentHeader.BYTES;
  }

  @Test
  void findsAFlipOfEveryByteOfASegmentAndItsSidecar() throws InterruptedException {
    for (Path file : List.of(segment(4), sidecar(4))) {
      byte[] sound = fs.bytes(file).clone();
      for (int at = 0; at < sound.length; at++) {
        byte[] flipped = sound.clone();
        flipped[at] ^= (byte) (1 << (at % 8));
        fs.put(file, flipped);
        scrub.next(4, bytes -> {});
        assertEquals(1, found.size(), file + " at " + at);
        assertTrue(found.get(0).getMessage().startsWith(file.toString()), found::toString);
        found.clear();
      }
      fs.put(file, sound);
    }
    pass();
    assertEquals(List.of(), found);
  }

  @Test
  void findsWhatIsCutOrGone() throws InterruptedException {
    for (Path file : List.of(segment(1), sidecar(1), segment(7), sidecar(7))) {
      byte[] sound = fs.bytes(file).clone();
      fs.put(file, java.util.Arrays.copyOf(sound, sound.length - 1));
      pass();
      fs.remove(file);
      pass();
      fs.put(file, sound);
      assertEquals(2, found.size(), file.toString());
      found.clear();
    }
  }

  @Test
  void saysNothingOfFilesThatGoAwayMeanwhile() throws InterruptedException {
    log.truncatePrefix(10);
    var retained = new ArrayList<Long>();

    scrub.next(
        1,
        bytes -> {
          if (retained.isEmpty()) {
            retained.add(log.retain(10));
            fs.put(segment(1), new byte[10]);
          }
        });

    assertEquals(1, retained.size());
    assertEquals(List.of(), found);
  }

  @Test
  void endsWhenItIsInterrupted() {
    assertThrows(
        InterruptedException.class,
        () ->
            scrub.next(
                1,
                bytes -> {
                  throw new InterruptedException();
                }));
  }
}
