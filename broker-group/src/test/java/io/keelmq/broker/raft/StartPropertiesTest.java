package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** What a replica makes of the system properties it is started with. */
class StartPropertiesTest {

  private static final String HIGH = "bolt.channel_write_buf_high_water_mark";

  @Test
  void setsWaterMarksThatReplicationNeedsAndRefusesLess() {
    String before = System.getProperty(HIGH);
    try {
      System.clearProperty(HIGH);
      RaftProperties.ensure();
      assertEquals(
          Integer.toString(RaftProperties.HIGH_WATER_MARK_BYTES), System.getProperty(HIGH));
      for (String wrong : new String[] {"524288", "much"}) {
        System.setProperty(HIGH, wrong);
        var refused = assertThrows(IllegalStateException.class, RaftProperties::ensure);
        assertTrue(refused.getMessage().contains(wrong), refused.getMessage());
      }
    } finally {
      restore(HIGH, before);
    }
  }

  @Test
  void refusesToPlantAFaultThatThisBuildDoesNotHave() {
    try {
      System.setProperty(AckPolicy.PROPERTY, "true");
      var refused = assertThrows(IllegalStateException.class, AckPolicy::fromProperties);
      assertTrue(refused.getMessage().contains(AckPolicy.CANARY_CLASS), refused.getMessage());
      System.setProperty(AckPolicy.PROPERTY, "false");
      assertEquals(AckPolicy.AFTER_APPLY, AckPolicy.fromProperties());
    } finally {
      System.clearProperty(AckPolicy.PROPERTY);
    }
  }

  private static void restore(String name, String value) {
    if (value == null) {
      System.clearProperty(name);
    } else {
      System.setProperty(name, value);
    }
  }
}
