package io.keelmq.chaos;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;

/**
 * The end of a log whose disk lost its power while a batch was being written: ext4 on a loop device
 * shows nothing of what was not forced, other disks any part of it, in any order, and garbage.
 *
 * <p>Changes bytes behind the last sound record only. What was forced is sound, so none of it is
 * changed; sound records that were not forced are left too, for nobody can tell them from others.
 * For one thread, and a replica that does not run.
 */
final class TornTail {

  private static final int SECTOR_BYTES = 512;
  private static final int MOST_RECORDS = 8;
  private static final int MOST_DATA_BYTES = 6_000;
  private static final int MOST_REST_BYTES = 64 << 10;

  private final SegmentTail tail;
  private final byte[] kept;

  private TornTail(SegmentTail tail, byte[] kept) {
    this.tail = tail;
    this.kept = kept;
  }

  /**
   * Of a log as a cut left it.
   *
   * @return empty if there is no active segment, or if the cut itself left a part of a record
   *     behind it: that stays as it is, for whoever judges it
   */
  static Optional<TornTail> of(Path log) {
    return SegmentTail.of(log)
        .filter(SegmentTail::cleanBehind)
        .map(tail -> new TornTail(tail, Arrays.copyOf(bytes(tail.segment()), tail.end())));
  }

  /**
   * Writes a torn batch behind the last sound record, perhaps more garbage, and forces it.
   *
   * @return what was written where
   */
  String tear(Random random) {
    byte[] batch = batch(random);
    byte[] torn = Arrays.copyOf(batch, batch.length + rest(random));
    String how = tearSectors(torn, batch.length, random);
    if (isSoundBehind(torn)) {
      // A whole first record would be an entry that no leader ever sent.
      torn[random.nextInt(SegmentTail.RECORD_HEADER_BYTES)] ^= 1;
    }
    write(torn);
    return "%s from %d: %d bytes, %s"
        .formatted(tail.segment().getFileName(), tail.end(), torn.length, how);
  }

  /**
   * What is wrong with what {@link #tear} did.
   *
   * @return empty if every byte before is as it was and no record has become sound behind it
   */
  String flaw() {
    byte[] now = bytes(tail.segment());
    int differs = Arrays.mismatch(kept, Arrays.copyOf(now, Math.min(now.length, kept.length)));
    if (differs >= 0) {
      return "tearing changed byte %d of %s, expected none before %d"
          .formatted(differs, tail.segment(), tail.end());
    }
    long end = SegmentTail.read(tail.segment(), now).map(SegmentTail::end).orElse(0);
    return end == tail.end()
        ? ""
        : "tearing moved the end of %s to %d, expected %d"
            .formatted(tail.segment(), end, tail.end());
  }

  /** The records that a leader would have sent next. */
  private byte[] batch(Random random) {
    var batch =
        ByteBuffer.allocate(MOST_RECORDS * (SegmentTail.RECORD_HEADER_BYTES + MOST_DATA_BYTES));
    int records = 1 + random.nextInt(MOST_RECORDS);
    for (int i = 1; i <= records; i++) {
      var data = new byte[random.nextInt(MOST_DATA_BYTES)];
      random.nextBytes(data);
      int at = batch.position();
      batch
          .putLong(tail.mark())
          .putInt(0)
          .putInt(data.length)
          .putInt(1 << 24)
          .putLong(tail.lastIndex() + i)
          .putLong(tail.lastTerm())
          .putLong(tail.lastIndex())
          .put(data);
      batch.putInt(at + 8, SegmentTail.checksum(batch, at, data.length));
    }
    return Arrays.copyOf(batch.array(), batch.position());
  }

  private static int rest(Random random) {
    return random.nextBoolean() ? random.nextInt(MOST_REST_BYTES) : 0;
  }

  /** Sectors of the file: the first one may hold what was forced, and only its end is torn. */
  private String tearSectors(byte[] torn, int batchBytes, Random random) {
    int whole = 0;
    int zeros = 0;
    int garbage = 0;
    int partly = 0;
    int to;
    for (int from = 0; from < torn.length; from = to) {
      to = Math.min(torn.length, from + SECTOR_BYTES - (tail.end() + from) % SECTOR_BYTES);
      // Behind the batch, whose bytes are zeros, there is nothing to come whole.
      switch (random.nextInt(from < batchBytes ? 5 : 2)) {
        case 0 -> {
          Arrays.fill(torn, from, to, (byte) 0);
          zeros++;
        }
        case 1 -> {
          fill(torn, from, to, random);
          garbage++;
        }
        case 2 -> {
          Arrays.fill(torn, from + random.nextInt(to - from), to, (byte) 0);
          partly++;
        }
        default -> whole++;
      }
    }
    return "%d sectors whole, %d partly, %d zeros, %d garbage"
        .formatted(whole, partly, zeros, garbage);
  }

  private static void fill(byte[] bytes, int from, int to, Random random) {
    var garbage = new byte[to - from];
    random.nextBytes(garbage);
    System.arraycopy(garbage, 0, bytes, from, garbage.length);
  }

  private boolean isSoundBehind(byte[] torn) {
    byte[] all = Arrays.copyOf(kept, kept.length + torn.length);
    System.arraycopy(torn, 0, all, kept.length, torn.length);
    return SegmentTail.read(tail.segment(), all).map(SegmentTail::end).orElse(0) != tail.end();
  }

  private void write(byte[] torn) {
    try (var file = FileChannel.open(tail.segment(), StandardOpenOption.WRITE)) {
      var bytes = ByteBuffer.wrap(torn);
      while (bytes.hasRemaining()) {
        file.write(bytes, tail.end() + (long) bytes.position());
      }
      file.force(true);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot tear " + tail.segment(), e);
    }
  }

  private static byte[] bytes(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    }
  }
}
