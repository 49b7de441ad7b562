package io.keelmq.chaos;

import io.keelmq.client.KeelClient;
import io.keelmq.client.KeelException;
import io.keelmq.local.Node;
import java.time.Duration;
import java.util.List;

/**
 * Faults of brokers and of consumer processes, drawn from the run's seed; each is healed before the
 * next. Owned by the thread that drives the run.
 */
final class Nemesis {

  private static final Duration PROGRESS = Duration.ofSeconds(60);
  private static final String GROUP = "g0";

  private final Faults faults;
  private final ConsumerProcesses consumers;

  Nemesis(Faults faults, ConsumerProcesses consumers) {
    this.faults = faults;
    this.consumers = consumers;
  }

  /** Some load, then one fault. */
  void strike() {
    faults.awaitMoreOks(faults.draw(100, 600), PROGRESS);
    int draw = faults.draw(0, 100);
    if (draw < 30) {
      killConsumers();
    } else if (draw < 45) {
      replaceConsumers();
    } else if (draw < 70) {
      killLeader();
    } else if (draw < 85) {
      killFollower();
    } else {
      transferLeadership();
    }
  }

  void killConsumers() {
    int place = faults.draw(0, consumers.places());
    faults.count("consumers killed");
    faults.note("kill -9 consumers " + place);
    consumers.kill(place);
    consumers.start(place);
  }

  /** They give back what they have. */
  void replaceConsumers() {
    int place = faults.draw(0, consumers.places());
    faults.count("consumers replaced");
    faults.note("close consumers " + place);
    consumers.close(place);
    consumers.start(place);
  }

  void killLeader() {
    Node leader = faults.cluster().leader();
    faults.count("leader killed");
    faults.kill(leader);
    // Sometimes it is back before the others have elected, sometimes long after.
    faults.awaitMoreOks(faults.draw(0, 2) * 300L, PROGRESS);
    faults.startAndAwait(leader);
  }

  void killFollower() {
    Node leader = faults.cluster().leader();
    List<Node> followers =
        faults.cluster().brokers().stream().filter(node -> !node.equals(leader)).toList();
    Node follower = followers.get(faults.draw(0, followers.size()));
    faults.count("follower killed");
    faults.kill(follower);
    faults.awaitMoreOks(faults.draw(50, 300), PROGRESS);
    faults.startAndAwait(follower);
  }

  void transferLeadership() {
    Node leader = faults.cluster().leader();
    List<Node> others =
        faults.cluster().brokers().stream().filter(node -> !node.equals(leader)).toList();
    transferLeadership(others.get(faults.draw(0, others.size())));
  }

  void transferLeadership(Node to) {
    faults.count("leadership transferred");
    faults.note("transfer to " + to.id());
    faults.disturb();
    try (var client = KeelClient.connect(faults.cluster().endpoints())) {
      client.admin().transferLeadership(GROUP, to.id());
    } catch (KeelException e) {
      // Another election came first: no less of a disturbance.
      faults.note("the transfer was refused: " + e.getMessage());
    }
    // While it was tried, nothing was proposed.
    faults.disturb();
  }
}
