package io.keelmq.raftlog;

import com.alipay.sofa.jraft.conf.Configuration;
import com.alipay.sofa.jraft.conf.ConfigurationEntry;
import com.alipay.sofa.jraft.entity.EnumOutter.EntryType;
import com.alipay.sofa.jraft.entity.LogEntry;
import com.alipay.sofa.jraft.entity.LogId;
import com.alipay.sofa.jraft.entity.codec.v2.LogEntryV2CodecFactory;
import com.alipay.sofa.jraft.entity.codec.v2.V2Encoder;
import com.alipay.sofa.jraft.option.LogStorageOptions;
import com.alipay.sofa.jraft.storage.LogStorage;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What JRaft sees of a {@link SegmentedLog}. The log belongs to whoever opened it: {@link
 * #shutdown} does not close it.
 *
 * <p>JRaft's log thread calls the changes, any thread calls {@link #getEntry}. No method throws to
 * JRaft: a change that fails returns 0 or false, and an entry that cannot be read is null; JRaft
 * then puts the node into its error state, a leader steps down, and only a new node on a sound log
 * helps.
 *
 * <p>Data entries are stored as they are; of no-op and configuration entries JRaft's own V2
 * encoding is stored. A data entry comes back without having been read: see {@link StoredEntry}.
 */
public final class SegmentedLogStorage implements LogStorage {

  private static final Logger LOG = LoggerFactory.getLogger(SegmentedLogStorage.class);

  private final SegmentedLog log;
  private final LogReader reader;
  private final BooleanSupplier passingOver;
  private final Consumer<ByteBuffer> arrivals;

  public SegmentedLogStorage(SegmentedLog log) {
    this(log, () -> false, data -> {});
  }

  /**
   * @param passingOver whether the asking thread is walking past an entry whose bytes it drops:
   *     JRaft's iterator asks for the bytes of each entry that it leaves. Must be false on every
   *     other thread at that moment: JRaft's Replicator takes an entry without bytes for an empty
   *     one, and would send the follower that
   * @param arrivals is told the bytes of the last data entry of each batch before it is written,
   *     committed or not, on the thread that writes; it must not change the buffer
   */
  public SegmentedLogStorage(
      SegmentedLog log, BooleanSupplier passingOver, Consumer<ByteBuffer> arrivals) {
    this.log = log;
    this.reader = log.reader();
    this.passingOver = passingOver;
    this.arrivals = arrivals;
  }

  /** Hands every configuration of the log to JRaft, in index order. */
  @Override
  public boolean init(LogStorageOptions options) {
    try {
      log.configurations()
          .forEach(
              index -> {
                LogEntry entry = decodeSpecial(reader.read(index).orElseThrow());
                options.getConfigurationManager().add(configuration(entry));
              });
      return true;
    } catch (RuntimeException e) {
      LOG.error("cannot read the configurations in the log", e);
      return false;
    }
  }

  @Override
  public void shutdown() {
    // The log outlives the node: readers may still need it. Its owner closes it.
  }

  @Override
  public long getFirstLogIndex() {
    return log.logicalFirst();
  }

  @Override
  public long getLastLogIndex() {
    return log.last();
  }

  /**
   * @return null below the logical first or beyond the last index, and if the entry is damaged;
   *     JRaft takes null inside of the log for a disk failure
   */
  @Override
  public LogEntry getEntry(long index) {
    if (index < log.logicalFirst()) {
      return log.replaced().filter(old -> old.index() == index).map(this::stub).orElse(null);
    }
    try {
      return reader.head(index).flatMap(this::entry).orElse(null);
    } catch (RuntimeException e) {
      LOG.error("entry {} cannot be read", index, e);
      return null;
    }
  }

  /**
   * After a snapshot was adopted over an entry of another term, JRaft still believes that entries
   * follow it, and asks for the term at the snapshot's end once more: a conflict makes it reset the
   * log, while "not there" would leave it believing. So for that once the old term is told.
   */
  private LogEntry stub(LogReader.EntryHead old) {
    var entry = new LogEntry(EntryType.ENTRY_TYPE_NO_OP);
    entry.setId(new LogId(old.index(), old.term()));
    return entry;
  }

  /** 0 outside of the log, as in JRaft's own storage. */
  @Override
  @Deprecated
  public long getTerm(long index) {
    return index < log.logicalFirst() ? 0 : reader.term(index).orElse(0);
  }

  @Override
  public boolean appendEntry(LogEntry entry) {
    return appendEntries(List.of(entry)) == 1;
  }

  /**
   * Entries that a snapshot has brought meanwhile are passed over: they were waiting for the disk
   * when it was adopted, and are durable by it.
   *
   * @return the number of entries that are durable: all or, after any failure, none
   */
  @Override
  public int appendEntries(List<LogEntry> entries) {
    return succeeds("append", () -> append(entries)) ? entries.size() : 0;
  }

  private void append(List<LogEntry> entries) {
    boolean overtaken =
        !entries.isEmpty() && entries.get(0).getId().getIndex() < log.logicalFirst();
    List<LogRecord> records =
        entries.stream()
            .filter(entry -> !overtaken || entry.getId().getIndex() >= log.logicalFirst())
            .map(this::record)
            .toList();
    arrived(records);
    log.append(records);
  }

  private void arrived(List<LogRecord> records) {
    for (int i = records.size() - 1; i >= 0; i--) {
      if (records.get(i).type() == LogRecord.Type.DATA) {
        arrivals.accept(records.get(i).data());
        return;
      }
    }
  }

  @Override
  public boolean truncatePrefix(long firstIndexKept) {
    return succeeds("truncatePrefix", () -> log.truncatePrefix(firstIndexKept));
  }

  @Override
  public boolean truncateSuffix(long lastIndexKept) {
    return succeeds("truncateSuffix", () -> log.truncateSuffix(lastIndexKept));
  }

  @Override
  public boolean reset(long nextLogIndex) {
    return succeeds("reset", () -> log.reset(nextLogIndex));
  }

  /**
   * Whatever fails here ends the log, the checks before a change too: JRaft goes on to answer for
   * entries that it holds in memory, and {@link SegmentedLog#poison} is how one tells that they are
   * not stored.
   */
  private boolean succeeds(String action, Runnable change) {
    try {
      change.run();
      return true;
    } catch (RuntimeException e) {
      LOG.error("{} failed", action, e);
      log.poison(action, e);
      return false;
    }
  }

  private LogRecord record(LogEntry entry) {
    long index = entry.getId().getIndex();
    long term = entry.getId().getTerm();
    return switch (entry.getType()) {
      case ENTRY_TYPE_DATA -> new LogRecord(index, term, LogRecord.Type.DATA, dataOf(entry));
      case ENTRY_TYPE_NO_OP ->
          new LogRecord(index, term, LogRecord.Type.NO_OP, encodeSpecial(entry));
      case ENTRY_TYPE_CONFIGURATION ->
          new LogRecord(index, term, LogRecord.Type.CONFIGURATION, encodeSpecial(entry));
      case ENTRY_TYPE_UNKNOWN ->
          throw new IllegalArgumentException("entry " + index + " has an unknown type");
    };
  }

  private static ByteBuffer dataOf(LogEntry entry) {
    ByteBuffer data = entry.getData();
    return data == null ? LogEntry.EMPTY_DATA : data;
  }

  private Optional<LogEntry> entry(LogReader.EntryHead head) {
    return head.type() == LogRecord.Type.DATA
        ? Optional.of(new StoredEntry(reader, passingOver, head.index(), head.term()))
        : reader.read(head.index()).map(SegmentedLogStorage::decodeSpecial);
  }

  private static ByteBuffer encodeSpecial(LogEntry entry) {
    return ByteBuffer.wrap(V2Encoder.INSTANCE.encode(entry));
  }

  private static LogEntry decodeSpecial(LogRecord record) {
    byte[] bytes = new byte[record.data().remaining()];
    record.data().duplicate().get(bytes);
    LogEntry entry = LogEntryV2CodecFactory.getInstance().decoder().decode(bytes);
    if (entry == null) {
      throw new IllegalStateException(
          "entry " + record.index() + " is whole, but JRaft's V2 codec cannot decode it");
    }
    return entry;
  }

  private static ConfigurationEntry configuration(LogEntry entry) {
    var found = new ConfigurationEntry();
    found.setId(entry.getId().copy());
    found.setConf(new Configuration(entry.getPeers(), entry.getLearners()));
    if (entry.getOldPeers() != null) {
      found.setOldConf(new Configuration(entry.getOldPeers(), entry.getOldLearners()));
    }
    return found;
  }

  /**
   * A data entry whose bytes are read, and verified, when they are first asked for.
   *
   * <p>At a restart JRaft walks over all entries since the last snapshot, and the state machine
   * skips those that it has applied: that must not read gigabytes. But whoever does ask, the state
   * machine or the replication to a follower, gets verified bytes or {@link CorruptLogException}:
   * there is no way to the unverified ones.
   */
  private static final class StoredEntry extends LogEntry {

    private final LogReader reader;
    private final BooleanSupplier passingOver;
    private final Thread taker = Thread.currentThread();
    private boolean loaded;

    StoredEntry(LogReader reader, BooleanSupplier passingOver, long index, long term) {
      super(EntryType.ENTRY_TYPE_DATA);
      this.reader = reader;
      this.passingOver = passingOver;
      setId(new LogId(index, term));
    }

    /** Null, and nothing read, for a thread that is passing over the entry. */
    @Override
    public ByteBuffer getData() {
      // JRaft's apply thread takes what it leaves by itself; whoever else holds it needs the bytes.
      if (!loaded && Thread.currentThread() == taker && passingOver.getAsBoolean()) {
        return null;
      }
      load();
      return super.getData();
    }

    @Override
    public ByteBuffer sliceData() {
      load();
      return super.sliceData();
    }

    @Override
    public ByteBuffer getReadOnlyData() {
      load();
      return super.getReadOnlyData();
    }

    @Override
    public void setData(ByteBuffer data) {
      loaded = true;
      super.setData(data);
    }

    @Override
    public long checksum() {
      load();
      return super.checksum();
    }

    @Override
    public long estimatedSize() {
      load();
      return super.estimatedSize();
    }

    private void load() {
      if (loaded) {
        return;
      }
      long index = getId().getIndex();
      LogRecord record =
          reader
              .read(index)
              .filter(found -> found.term() == getId().getTerm())
              .orElseThrow(() -> new IllegalStateException("entry " + index + " has been cut"));
      setData(record.data());
    }
  }
}
