package io.keelmq.client;

import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;

/**
 * Which queue a key belongs to: CRC-32 (IEEE, as in zip) of its UTF-8 bytes, unsigned, modulo the
 * number of queues. Fixed for ever and the same in any language; adding queues moves keys.
 */
public final class QueueChoice {

  private QueueChoice() {}

  /**
   * @param key a message group or the first key
   * @param queues 1 or more
   * @return 0 to {@code queues - 1}
   */
  public static int queueOf(String key, int queues) {
    var crc = new CRC32();
    crc.update(key.getBytes(StandardCharsets.UTF_8));
    return (int) (crc.getValue() % queues);
  }
}
