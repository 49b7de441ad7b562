package io.keelmq.raftlog;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;

/**
 * A file of {@link CrashFs}: its durable bytes, and what has been done to it since its last force.
 */
final class CrashFile {

  private static final int[] TEAR_BYTES = {1, 7, 64, 512};

  private final CrashFs disk;
  private final List<Change> pending = new ArrayList<>();
  private byte[] durable;
  private byte[] now;

  /** A write at {@code position}, or, with no bytes, a truncation there. */
  private static final class Change {

    private final int position;
    private final byte[] bytes;

    Change(int position, byte[] bytes) {
      this.position = position;
      this.bytes = bytes;
    }

    boolean isTruncation() {
      return bytes == null;
    }

    byte[] applyTo(byte[] content) {
      if (isTruncation()) {
        return Arrays.copyOf(content, position);
      }
      byte[] result = Arrays.copyOf(content, Math.max(content.length, position + bytes.length));
      System.arraycopy(bytes, 0, result, position, bytes.length);
      return result;
    }
  }

  CrashFile(CrashFs disk, byte[] durable) {
    this.disk = disk;
    this.durable = durable;
    this.now = durable;
  }

  CrashFile copyInto(CrashFs target, Map<CrashFile, CrashFile> copies) {
    return copies.computeIfAbsent(
        this,
        original -> {
          var copy = new CrashFile(target, durable);
          copy.now = now;
          copy.pending.addAll(pending);
          return copy;
        });
  }

  byte[] content() {
    return now;
  }

  long fingerprint() {
    long hash = now.length;
    for (byte b : now) {
      hash = hash * 31 + b;
    }
    return hash;
  }

  byte[] afterPowerLoss(Survival survival, RandomGenerator random) {
    byte[] result = durable;
    int tear = TEAR_BYTES[random.nextInt(TEAR_BYTES.length)];
    boolean zeros = random.nextBoolean();
    List<Change> left = survival.of(pending, random);
    for (int i = 0; i < left.size(); i++) {
      Change change = left.get(i);
      boolean torn =
          survival == Survival.ANY || (survival == Survival.PREFIX && i == left.size() - 1);
      result = torn ? tear(change, result, survival, tear, zeros, random) : change.applyTo(result);
    }
    return result;
  }

  /**
   * Applies pieces of a write; what lies between them is as it was before or, where the file grew,
   * zeros or whatever was on those blocks.
   */
  private static byte[] tear(
      Change change,
      byte[] content,
      Survival survival,
      int tear,
      boolean zeros,
      RandomGenerator random) {
    if (change.isTruncation()) {
      return change.applyTo(content);
    }
    int end = change.bytes.length;
    if (survival == Survival.PREFIX) {
      int kept = random.nextInt(end + 1) / tear * tear;
      return new Change(change.position, Arrays.copyOf(change.bytes, kept)).applyTo(content);
    }
    byte[] pieces = change.bytes.clone();
    for (int from = 0; from < end; from += tear) {
      if (random.nextBoolean()) {
        for (int i = from; i < Math.min(end, from + tear); i++) {
          int at = change.position + i;
          byte stale = zeros ? 0 : (byte) random.nextInt();
          pieces[i] = at < content.length ? content[at] : stale;
        }
      }
    }
    return new Change(change.position, pieces).applyTo(content);
  }

  DiskFile opened() {
    return new Handle();
  }

  private void apply(Change change) {
    now = change.applyTo(now);
    pending.add(change);
  }

  private final class Handle implements DiskFile {

    private boolean closed;

    @Override
    public long size() throws IOException {
      requireOpen();
      return now.length;
    }

    @Override
    public int read(ByteBuffer target, long position) throws IOException {
      requireOpen();
      int from = (int) Math.min(position, now.length);
      int bytes = Math.min(target.remaining(), now.length - from);
      target.put(now, from, bytes);
      return bytes;
    }

    @Override
    public void write(ByteBuffer source, long position) throws IOException {
      requireOpen();
      byte[] bytes = new byte[source.remaining()];
      source.get(bytes);
      byte[] half = Arrays.copyOf(bytes, bytes.length / 2);
      disk.changing(
          "write",
          () -> apply(new Change((int) position, bytes)),
          () -> apply(new Change((int) position, half)));
    }

    @Override
    public void truncate(long size) throws IOException {
      requireOpen();
      disk.changing("truncate", () -> apply(new Change((int) size, null)));
    }

    @Override
    public void force(boolean metadata) throws IOException {
      requireOpen();
      disk.changing(
          "force",
          () -> {
            // Without metadata a shorter length need not be durable, so nothing is.
            boolean shortened = pending.stream().anyMatch(change -> change.isTruncation());
            if (disk.fileForceWorks() && (metadata || !shortened)) {
              for (Change change : pending) {
                durable = change.applyTo(durable);
              }
              pending.clear();
            }
          },
          // The kernel takes its pages for clean then: readers see them, no later force writes
          // them.
          pending::clear);
    }

    @Override
    public ByteBuffer map() throws IOException {
      requireOpen();
      return CrashFs.readOnly(now);
    }

    @Override
    public void close() {
      closed = true;
    }

    private void requireOpen() throws IOException {
      if (closed) {
        throw CrashFs.closed();
      }
    }
  }
}
