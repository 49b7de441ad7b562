package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.keelmq.broker.ReplicaControl.Peer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class PeerWatchTest {

  private final List<String> told = new ArrayList<>();
  private final PeerWatch watch =
      new PeerWatch(peer -> told.add("lost " + peer), peer -> told.add("back " + peer));

  @Test
  void tellsOnceThatAPeerIsLostAndOnceThatItIsBack() {
    look(10, false);
    look(10, true);

    assertEquals(List.of("lost b", "back b"), told);
  }

  @Test
  void saysNothingOfAShortPause() {
    look(PeerWatch.MISSES - 1, false);
    look(1, true);
    look(PeerWatch.MISSES - 1, false);

    assertEquals(List.of(), told);
  }

  @Test
  void beginsAnewWhenItLeadsAgain() {
    look(PeerWatch.MISSES, false);
    watch.look(List.of());
    look(PeerWatch.MISSES, false);

    assertEquals(List.of("lost b", "lost b"), told);
  }

  private void look(int times, boolean alive) {
    for (int i = 0; i < times; i++) {
      watch.look(List.of(new Peer("a", 0, true), new Peer("b", 0, alive)));
    }
  }
}
