package io.keelmq.broker.registry;

import static io.keelmq.broker.registry.FakeNameServer.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.common.HostPort;
import io.keelmq.v1.ReplicaReport;
import io.keelmq.v1.TopicRoute;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Against name servers on real sockets. */
class RegistryAgentTest {

  private final AtomicLong term = new AtomicLong(1);
  private final AtomicLong topicsVersion = new AtomicLong(1);
  private final AtomicInteger factsRead = new AtomicInteger();
  private final List<AutoCloseable> started = new ArrayList<>();

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable each : started) {
      each.close();
    }
  }

  @Test
  void reportsToEveryNameServerWithTopicsFirst() throws IOException {
    var one = nameServer(0);
    var two = nameServer(0);

    var agent = agent(one, two);

    for (FakeNameServer each : List.of(one, two)) {
      each.awaitReports(1);
      assertTrue(each.reports.get(0).getHasTopics());
      assertEquals("orders", each.reports.get(0).getTopics(0).getTopic());
    }
    eventually(() -> agent.reachedNameServers() == 2);
  }

  @Test
  void repeatsItselfWithoutTopics() throws IOException {
    var nameServer = nameServer(0);

    agent(nameServer);

    nameServer.awaitReports(3);
    assertFalse(nameServer.reports.get(1).getHasTopics());
    assertFalse(nameServer.reports.get(2).getHasTopics());
    assertEquals(1, nameServer.streams.get());
  }

  @Test
  void reportsAChange() throws IOException {
    var nameServer = nameServer(0);
    var agent = agent(nameServer);
    nameServer.awaitReports(1);

    term.set(7);
    agent.changed();

    eventually(() -> nameServer.last().getTerm() == 7);
  }

  /** Goal: many changes at once make few reports. Method: the facts hang while changes rain. */
  @Test
  void changesShareAReportAndTheCallerNeverWaits() throws Exception {
    var nameServer = nameServer(0);
    var entered = new CountDownLatch(1);
    var release = new CountDownLatch(1);
    var calls = new AtomicInteger();
    var agent =
        new RegistryAgent(
            List.of(nameServer.address()),
            withTopics -> {
              calls.incrementAndGet();
              entered.countDown();
              awaitQuietly(release);
              return facts(withTopics);
            },
            () -> 0.5);
    started.add(0, agent);
    agent.start();
    entered.await();

    for (int i = 0; i < 10_000; i++) {
      term.incrementAndGet();
      agent.changed();
    }
    release.countDown();

    eventually(() -> !nameServer.reports.isEmpty() && nameServer.last().getTerm() == 10_001);
    assertTrue(calls.get() < 20, () -> calls.get() + " times asked for facts");
  }

  @Test
  void sendsTopicsWhenTheyChange() throws IOException {
    var nameServer = nameServer(0);
    var agent = agent(nameServer);
    nameServer.awaitReports(2);

    topicsVersion.set(9);
    agent.changed();

    eventually(
        () ->
            nameServer.reports.stream()
                .anyMatch(r -> r.getTopicsVersion() == 9 && r.getHasTopics()));
  }

  @Test
  void sendsTopicsWhenAskedButDoesNotTalkEndlessly() throws IOException {
    var nameServer = nameServer(0);
    agent(nameServer);
    nameServer.awaitReports(2);

    nameServer.wantTopics = true;
    int before = nameServer.reports.size();

    eventually(
        () ->
            nameServer.reports.stream().skip(before).filter(ReplicaReport::getHasTopics).count()
                >= 2);
    // An agent that answered each wish at once would have read its facts thousands of times by now.
    assertTrue(factsRead.get() < 100, () -> factsRead.get() + " times asked for facts");
  }

  @Test
  void comesBackToARestartedNameServerWhileTheOtherHearsOn() throws IOException {
    var first = nameServer(0);
    var other = nameServer(0);
    var agent = agent(first, other);
    first.awaitReports(1);
    other.awaitReports(1);

    first.close();
    eventually(() -> agent.reachedNameServers() == 1);
    other.awaitReports(other.reports.size() + 2);
    var restarted = nameServer(first.address().port());

    restarted.awaitReports(1);
    assertTrue(restarted.reports.get(0).getHasTopics());
    assertEquals(1, other.streams.get());
  }

  @Test
  void startsBeforeItsNameServer() throws IOException {
    var vanished = nameServer(0);
    vanished.close();
    agent(vanished);

    var late = nameServer(vanished.address().port());

    late.awaitReports(1);
  }

  @Test
  void triesAgainAfterARefusal() throws IOException {
    var nameServer = nameServer(0);
    nameServer.refusing = true;
    var agent = agent(nameServer);
    eventually(() -> nameServer.streams.get() >= 2);
    assertEquals(0, agent.reachedNameServers());

    nameServer.refusing = false;

    eventually(() -> agent.reachedNameServers() == 1);
  }

  @Test
  void opensANewStreamWhenTheOldIsNotAnswered() throws IOException {
    var nameServer = nameServer(0);
    nameServer.mute = true;
    var agent = agent(nameServer);
    eventually(() -> nameServer.streams.get() >= 2);

    nameServer.mute = false;

    eventually(() -> agent.reachedNameServers() == 1);
  }

  @Test
  void closeSaysGoodbyeToAll() throws IOException {
    var one = nameServer(0);
    var two = nameServer(0);
    var agent = agent(one, two);
    one.awaitReports(1);
    two.awaitReports(1);

    agent.close();

    eventually(() -> one.goodbyes.get() == 1 && two.goodbyes.get() == 1);
    agent.changed();
    agent.close();
    assertEquals(0, agent.reachedNameServers());
  }

  @Test
  void closesWithoutAStart() {
    var agent =
        new RegistryAgent(
            List.of(new HostPort("127.0.0.1", 1)), RegistryAgentTest.this::facts, () -> 0);

    agent.close();

    assertEquals(0, factsRead.get());
  }

  @Test
  void failingFactsAreAskedAgain() throws IOException {
    var nameServer = nameServer(0);
    var failures = new AtomicInteger(3);
    var agent =
        new RegistryAgent(
            List.of(nameServer.address()),
            withTopics -> {
              if (failures.getAndDecrement() > 0) {
                throw new IllegalStateException("planted");
              }
              return facts(withTopics);
            },
            () -> 0.5);
    started.add(0, agent);

    agent.start();

    nameServer.awaitReports(1);
  }

  private FakeNameServer nameServer(int port) throws IOException {
    var nameServer = new FakeNameServer(port);
    started.add(nameServer);
    return nameServer;
  }

  private RegistryAgent agent(FakeNameServer... nameServers) {
    var addresses = new ArrayList<HostPort>();
    for (FakeNameServer each : nameServers) {
      addresses.add(each.address());
    }
    var agent = new RegistryAgent(addresses, this::facts, () -> 0.5);
    // Closed before the name servers.
    started.add(0, agent);
    agent.start();
    return agent;
  }

  private ReplicaReport facts(boolean withTopics) {
    factsRead.incrementAndGet();
    var report =
        ReplicaReport.newBuilder()
            .setNode("n1")
            .setTerm(term.get())
            .setTopicsVersion(topicsVersion.get());
    if (withTopics) {
      report.setHasTopics(true).addTopics(TopicRoute.newBuilder().setTopic("orders").setQueues(4));
    }
    return report.build();
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
