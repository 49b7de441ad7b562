package io.keelmq.broker.raft;

import io.keelmq.broker.MessageLog;
import io.keelmq.raftlog.LogReader;
import io.keelmq.raftlog.LogRecord;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * The bytes behind the state's addresses. Thread-safe. An address comes from an applied entry, so
 * what is read is committed, if it is on this disk yet.
 */
final class CommittedLog implements MessageLog {

  private final LogReader reader;

  CommittedLog(LogReader reader) {
    this.reader = reader;
  }

  @Override
  public Optional<ByteBuffer> entry(long index) {
    return reader
        .read(index)
        .filter(record -> record.type() == LogRecord.Type.DATA)
        .map(record -> record.data().slice().asReadOnlyBuffer());
  }
}
