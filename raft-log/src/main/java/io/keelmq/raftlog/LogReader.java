package io.keelmq.raftlog;

import java.io.IOException;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Reads entries while the log thread changes the log. Thread-safe and without locks: what is
 * returned was in the log after it had been read, whole and verified.
 */
public final class LogReader {

  private final Supplier<LogView> log;
  private final Consumer<CorruptLogException> corruptionListener;

  LogReader(Supplier<LogView> log, Consumer<CorruptLogException> corruptionListener) {
    this.log = log;
    this.corruptionListener = corruptionListener;
  }

  /** The first index on disk; at most the logical first index. */
  public long firstIndex() {
    return log.get().physicalFirst();
  }

  /** The last readable index; less than {@link #firstIndex} in an empty log. */
  public long lastIndex() {
    return log.get().last();
  }

  /**
   * Reads an entry and verifies every byte. A slice of a mapped file if its segment is sealed, else
   * a copy.
   *
   * @return empty below the first or beyond the last index
   * @throws CorruptLogException if the bytes are damaged; the corruption listener has been told
   * @throws DiskException if they cannot be read
   */
  public Optional<LogRecord> read(long index) {
    return look(index, segment -> segment.read(index));
  }

  /** The term of an entry, without reading it; empty below the first or beyond the last index. */
  public OptionalLong term(long index) {
    var term = look(index, segment -> segment.index().term(index));
    return term.isPresent() ? OptionalLong.of(term.get()) : OptionalLong.empty();
  }

  /** Term and type of an entry, without reading it. */
  Optional<EntryHead> head(long index) {
    return look(
        index,
        segment -> new EntryHead(index, segment.index().term(index), segment.index().type(index)));
  }

  /** What the index knows of an entry. */
  record EntryHead(long index, long term, LogRecord.Type type) {}

  private interface Lookup<T> {
    T in(Segment segment) throws IOException;
  }

  private <T> Optional<T> look(long index, Lookup<T> lookup) {
    while (true) {
      LogView before = log.get();
      Optional<Segment> segment = before.segmentOf(index);
      if (segment.isEmpty()) {
        return Optional.empty();
      }
      try {
        T found = lookup.in(segment.get());
        if (unchanged(before)) {
          return Optional.of(found);
        }
      } catch (IOException e) {
        if (unchanged(before)) {
          throw new DiskException("reading entry " + index + " of " + segment.get().path(), e);
        }
      } catch (CorruptLogException e) {
        if (unchanged(before)) {
          corruptionListener.accept(e);
          throw e;
        }
      } catch (IndexOutOfBoundsException e) {
        // The index of a segment that was cut meanwhile.
        if (unchanged(before)) {
          throw e;
        }
      }
      // Files changed under us, so neither the result nor the failure means anything.
    }
  }

  private boolean unchanged(LogView before) {
    return log.get().generation() == before.generation();
  }
}
