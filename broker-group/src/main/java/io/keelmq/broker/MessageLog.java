package io.keelmq.broker;

import java.nio.ByteBuffer;
import java.util.Optional;

/** Reads of log entries by their index. Thread-safe. */
public interface MessageLog {

  /**
   * The bytes of an entry, checked against their checksum, from byte 0 of the entry to its limit.
   * May read from disk.
   *
   * @return a read-only buffer of the caller's own; absent if the entry is no longer retained, or
   *     applied here but not yet in the local log (an entry can be committed by the other replicas
   *     first): ask again shortly
   */
  Optional<ByteBuffer> entry(long index);
}
