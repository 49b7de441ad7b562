package io.keelmq.broker.raft;

import io.keelmq.broker.MessageLog;
import io.keelmq.raftlog.LogReader;
import io.keelmq.raftlog.LogRecord;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * The bytes behind the state's addresses. Thread-safe. An address comes from an applied entry; what
 * is on this disk at its index may still be another one, which is as good as nothing.
 */
final class CommittedLog implements MessageLog {

  private final LogReader reader;
  private final AppliedTerms terms;

  CommittedLog(LogReader reader, AppliedTerms terms) {
    this.reader = reader;
    this.terms = terms;
  }

  @Override
  public Optional<ByteBuffer> entry(long index) {
    return reader
        .read(index)
        .filter(record -> record.type() == LogRecord.Type.DATA)
        .filter(record -> terms.fits(index, record.term()))
        .map(record -> record.data().slice().asReadOnlyBuffer());
  }
}
