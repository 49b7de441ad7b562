package io.keelmq.broker.raft;

import java.util.Map;

/**
 * Settings that JRaft, Bolt and protobuf read from system properties when their classes load. The
 * launcher sets them; this makes sure, and has to be called before the first of those classes is
 * touched.
 */
final class RaftProperties {

  private static final String HIGH_WATER_MARK = "bolt.channel_write_buf_high_water_mark";
  private static final String LOW_WATER_MARK = "bolt.channel_write_buf_low_water_mark";

  /**
   * More than a follower's full pipeline ({@link RaftOptionsFactory#INFLIGHT_APPENDS} requests of a
   * mebibyte). With Bolt's default of half a mebibyte a busy leader takes its own writes for a
   * broken connection, replication drops to probing, and leadership is lost under load.
   */
  static final int HIGH_WATER_MARK_BYTES = 32 << 20;

  static final int LOW_WATER_MARK_BYTES = 16 << 20;

  private static final Map<String, Integer> LEAST =
      Map.of(HIGH_WATER_MARK, HIGH_WATER_MARK_BYTES, LOW_WATER_MARK, LOW_WATER_MARK_BYTES);

  private RaftProperties() {}

  /**
   * Sets what is absent.
   *
   * @throws IllegalStateException if something is set that replication cannot work with
   */
  static void ensure() {
    LEAST.forEach(RaftProperties::ensureAtLeast);
    // JRaft's generated classes are old; without this each of them prints a warning. They are used
    // between the members of a group only.
    setIfAbsent("com.google.protobuf.use_unsafe_pre22_gencode", "true");
    // Buffers of up to 4 MiB that each replicator thread keeps for reuse; the default is 256.
    setIfAbsent("jraft.max_collector_size_per_thread", "16");
  }

  private static void ensureAtLeast(String name, int least) {
    String found = System.getProperty(name);
    if (found == null) {
      System.setProperty(name, Integer.toString(least));
      return;
    }
    try {
      if (Integer.parseInt(found) >= least) {
        return;
      }
    } catch (NumberFormatException e) {
      throw new IllegalStateException(
          "-D%s=%s: expected a number of bytes, %d or more".formatted(name, found, least), e);
    }
    throw new IllegalStateException(
        "-D%s=%s: replication needs %d or more; remove the property or raise it"
            .formatted(name, found, least));
  }

  private static void setIfAbsent(String name, String value) {
    if (System.getProperty(name) == null) {
      System.setProperty(name, value);
    }
  }
}
