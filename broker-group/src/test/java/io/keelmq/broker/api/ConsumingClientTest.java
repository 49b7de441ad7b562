package io.keelmq.broker.api;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.LeaseId;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Goal: a client has a lease for as long as messages of it may be undecided. */
class ConsumingClientTest {

  private static final LeaseKey LEASE = new LeaseKey(0, 0, new LeaseId(672, 0));

  private final ConsumingClient client = new ConsumingClient("c");

  private static ConsumerChanges.LeaseChange decided(int messages) {
    return new ConsumerChanges.LeaseChange(LEASE, messages, List.of(), 0, false);
  }

  @Test
  void hasALeaseUntilAllIsDecided() {
    client.put(LEASE, 2, 0);

    client.changed(decided(1), true, 0);
    assertTrue(client.has(LEASE));

    client.changed(decided(1), true, 0);
    assertFalse(client.has(LEASE));
  }

  // Two messages, one of them acknowledged on the stream before: the state says that one is left.
  @Test
  void doesNotCountTwiceWhatTheStreamBeforeHasDecided() {
    client.put(LEASE, 1, 0);

    client.changed(decided(1), false, 0);

    assertTrue(client.has(LEASE));
  }
}
