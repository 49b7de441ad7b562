package io.keelmq.broker.api;

import static io.keelmq.broker.api.testing.ApiCluster.run;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.api.testing.TestProducer;
import io.keelmq.broker.api.testing.TestReader;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Command.SettlementKind;
import io.keelmq.broker.state.LeaseId;
import io.keelmq.broker.state.OffsetSet;
import io.keelmq.broker.state.Reply;
import io.keelmq.broker.state.TopicType;
import io.keelmq.v1.Code;
import io.keelmq.v1.DescribeConsumerGroupRequest;
import io.keelmq.v1.ReadFrom;
import io.keelmq.v1.ReadRequest;
import io.keelmq.v1.ReadResponse;
import io.keelmq.v1.Run;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ReadTest {

  private ApiCluster cluster;
  private TestProducer producer;
  private long sequence;

  @BeforeEach
  void start() throws Exception {
    cluster = new ApiCluster(1, 3);
    cluster.createTopic("t", 2);
    producer = TestProducer.open(cluster.asyncStreams(0), "p", 0);
    producer.opened();
  }

  @AfterEach
  void stop() {
    cluster.close();
  }

  private void publish(Run... runs) throws Exception {
    producer.publish(++sequence, runs);
    assertEquals(Code.OK, producer.receipt().getCode());
  }

  private static ReadRequest.Builder read(int queue, ReadFrom.Builder from) {
    return ReadRequest.newBuilder()
        .setTopic("t")
        .addQueues(ReadRequest.QueueStart.newBuilder().setQueue(queue).setFrom(from));
  }

  private static ReadFrom.Builder offset(long offset) {
    return ReadFrom.newBuilder().setOffset(offset);
  }

  private TestReader open(int node, ReadRequest.Builder request) {
    return TestReader.open(cluster.asyncStreams(node), request.build());
  }

  @Test
  void readsAllQueuesFromAnyReplicaUpToTheEndAtOpening() throws Exception {
    publish(run("t", 0, "a", "b"), run("t", 1, "x"));
    publish(run("t", 0, "c"));

    var reader = open(2, ReadRequest.newBuilder().setTopic("t"));

    var ranges = reader.response().getOpened().getQueuesList();
    assertEquals(2, ranges.size());
    assertEquals(3, ranges.get(0).getEndOffset());
    List<String> bodies = new ArrayList<>(reader.bodies());
    assertEquals(List.of("a", "b", "c", "x"), bodies.stream().sorted().toList());
    assertTrue(bodies.indexOf("b") < bodies.indexOf("c"));
  }

  @Test
  void beginsInTheMiddleOfARun() throws Exception {
    publish(run("t", 0, "a", "b", "c", "d"));

    assertEquals(List.of("c", "d"), open(1, read(0, offset(2))).bodies());
    assertEquals(List.of(), open(1, read(0, offset(4))).bodies());
    assertEquals(Code.OFFSET_OUT_OF_RANGE, open(1, read(0, offset(5))).error().getCode());
  }

  @Test
  void beginsAtATimeAndAtTheEnds() throws Exception {
    publish(run("t", 0, "a"));
    cluster.group.passTime(10_000);
    publish(run("t", 0, "b"));
    long timeOfB = cluster.group.state().runs(1, 0, 1, 1).get(0).timeMillis();
    publish(run("t", 0, "c"));

    assertEquals(
        List.of("b", "c"), open(0, read(0, ReadFrom.newBuilder().setTimeMillis(timeOfB))).bodies());
    assertEquals(
        List.of("b", "c"),
        open(0, read(0, ReadFrom.newBuilder().setTimeMillis(timeOfB - 5_000))).bodies());
    assertEquals(List.of(), open(0, read(0, ReadFrom.newBuilder().setLatest(true))).bodies());
    assertEquals(
        List.of("a", "b", "c"), open(0, read(0, ReadFrom.newBuilder().setEarliest(true))).bodies());
  }

  @Test
  void refusesWhatIsNotThere() throws Exception {
    assertEquals(
        Code.TOPIC_NOT_FOUND,
        open(0, ReadRequest.newBuilder().setTopic("nowhere")).error().getCode());
    assertEquals(Code.QUEUE_NOT_FOUND, open(0, read(2, offset(0))).error().getCode());
    assertEquals(Code.ILLEGAL_OFFSET, open(0, read(0, offset(-1))).error().getCode());
  }

  @Test
  void followsAndSaysEachTimeThatItHasCaughtUp() throws Exception {
    publish(run("t", 0, "a"));
    var reader = open(1, ReadRequest.newBuilder().setTopic("t").setFollow(true));
    assertEquals(List.of("a"), reader.bodies());
    Awaitility.await().until(() -> cluster.stats(1).parkedReaders() == 1);

    publish(run("t", 1, "b"));
    assertEquals(List.of("b"), reader.bodies());
    publish(run("t", 0, "c", "d"));
    assertEquals(List.of("c", "d"), reader.bodies());

    reader.cancel();
    Awaitility.await().until(() -> cluster.stats(1).openReaders() == 0);
    assertEquals(0, cluster.stats(1).parkedReaders());
  }

  @Test
  void followsQueuesThatAreAddedAndEndsWithItsTopic() throws Exception {
    var reader = open(0, ReadRequest.newBuilder().setTopic("t").setFollow(true));
    assertEquals(List.of(), reader.bodies());
    cluster.group.apply(new Command.AlterTopic("t", OptionalInt.of(3), OptionalLong.empty()));
    publish(run("t", 2, "new"));

    List<String> bodies = reader.bodies();
    while (bodies.isEmpty()) {
      bodies = reader.bodies();
    }
    assertEquals(List.of("new"), bodies);
    cluster.group.apply(new Command.DeleteTopic("t"));

    TestReader.Event event = reader.next();
    while (event.response() != null) {
      event = reader.next();
    }
    assertEquals(Code.TOPIC_NOT_FOUND, event.error().getCode());
  }

  @Test
  void endsFollowingStreamsWhenTheReplicaStops() throws Exception {
    var reader = open(0, ReadRequest.newBuilder().setTopic("t").setFollow(true));
    assertEquals(List.of(), reader.bodies());

    producer.requests.onCompleted();
    cluster.server(0).stop(Duration.ofSeconds(5));

    assertEquals(Code.SHUTTING_DOWN, reader.error().getCode());
  }

  @Test
  void tellsWhatRetentionTook() throws Exception {
    cluster.group.apply(new Command.CreateTopic("r", TopicType.NORMAL, 1, 1_000));
    publish(run("r", 0, "old"));
    cluster.group.passTime(60_000);
    publish(run("r", 0, "new"));
    Awaitility.await()
        .until(
            () -> {
              cluster.group.passTime(60_000);
              publish(run("r", 0, "newer"));
              cluster.group.apply(new Command.AdvanceTime());
              return cluster.group.state().bounds(2, 0).firstOffset() > 0;
            });
    long first = cluster.group.state().bounds(2, 0).firstOffset();

    var reader = open(0, ReadRequest.newBuilder().setTopic("r").setFrom(offset(0)));

    assertEquals(first, reader.response().getOpened().getQueues(0).getStartOffset());
    ReadResponse trimmed = reader.response();
    assertTrue(trimmed.hasTrimmed());
    assertEquals(0, trimmed.getTrimmed().getWantedOffset());
    assertEquals(first, trimmed.getTrimmed().getFirstOffset());
  }

  @Test
  void waitsForAnEntryThatIsAppliedButNotYetInTheLog() throws Exception {
    publish(run("t", 0, "a"));
    cluster.group.hideEntries(true);
    var reader = open(1, read(0, offset(0)));
    assertTrue(reader.response().hasOpened());

    cluster.group.hideEntries(false);

    assertEquals(List.of("a"), reader.bodies());
  }

  @Test
  void givesUpOnAnEntryThatNeverComes() throws Exception {
    publish(run("t", 0, "a"));
    cluster.group.hideEntries(true);
    var reader = open(1, read(0, offset(0)));
    assertTrue(reader.response().hasOpened());

    assertEquals(Code.INTERNAL, reader.error().getCode());
  }

  @Test
  void sendsAReaderThatDoesNotReadNoMoreThanAWindow() throws Exception {
    int bodyBytes = 1 << 20;
    for (int i = 0; i < 24; i++) {
      publish(run("t", 0, "x".repeat(bodyBytes)));
    }
    var slow = TestReader.open(cluster.asyncStreams(0), read(0, offset(0)).build(), 2);
    assertTrue(slow.response().hasOpened());
    assertTrue(slow.response().hasBatch());

    // Another reader gets everything meanwhile.
    assertEquals(24, open(0, read(0, offset(0))).bodies().size());
    long read = cluster.stats(0).readBytes();
    assertTrue(read < 30L * bodyBytes, "read " + read);
    slow.take(100);
    assertEquals(23, slow.bodies().size());
  }

  @Test
  void cutsLongRunsIntoEvents() throws Exception {
    String[] bodies = new String[2_000];
    for (int i = 0; i < bodies.length; i++) {
      bodies[i] = i + "-" + "x".repeat(500);
    }
    publish(run("t", 0, bodies));

    var reader = open(0, read(0, offset(3)));
    reader.response();
    var first = reader.response().getBatch();

    assertEquals(3, first.getFirstOffset());
    assertTrue(first.getRecords().size() <= ReadStream.MAX_EVENT_BYTES);
    var all = new ArrayList<>(TestReader.bodies(first));
    all.addAll(reader.bodies());
    assertEquals(List.of(bodies).subList(3, bodies.length), all);
  }

  @Test
  void saysNoLeaderWhenNobodyConfirms() throws Exception {
    cluster.group.elect(-1);

    assertEquals(Code.NO_LEADER, open(0, read(0, offset(0))).error().getCode());
  }

  @Test
  void parksManyReadersAndWakesThemAll() throws Exception {
    int count = 500;
    var readers = new ArrayList<TestReader>();
    for (int i = 0; i < count; i++) {
      readers.add(open(1, read(0, offset(0)).setFollow(true)));
    }
    for (TestReader reader : readers) {
      assertEquals(List.of(), reader.bodies());
    }
    Awaitility.await().until(() -> cluster.stats(1).parkedReaders() == count);

    publish(run("t", 0, "all"));

    for (TestReader reader : readers) {
      assertEquals(List.of("all"), reader.bodies());
    }
  }

  @Test
  void readsDeadLettersFromTheMiddleOfTheRunTheyWereStoredWith() throws Exception {
    publish(run("t", 0, "a", "b", "c", "d", "e"));
    cluster.group.apply(new Command.SubscribeGroup("g", "t"));
    var leased =
        (Reply.Leased)
            cluster.group.apply(
                new Command.GrantLeases(
                    "g",
                    "t",
                    0,
                    0,
                    "client",
                    "",
                    30_000,
                    List.of(
                        new Command.FromCursor(
                            0, 5, List.of(new Command.Candidates(0, OffsetSet.range(0, 5)))))));
    LeaseId lease = leased.leases().get(0).id();
    var settlements = new ArrayList<Command.Settlement>();
    for (OffsetSet dead :
        List.of(OffsetSet.of(3), OffsetSet.of(1, 2), OffsetSet.of(0), OffsetSet.of(4))) {
      settlements.add(new Command.Settlement(SettlementKind.DEAD_LETTER, lease, dead, 0));
    }
    cluster.group.apply(new Command.SettleLeases("g", "t", 0, 0, settlements));

    var all = open(1, ReadRequest.newBuilder().setTopic("%DLQ%g"));
    assertTrue(all.response().hasOpened());
    assertEquals(List.of("d", "b", "c", "a", "e"), all.bodies());
    var some = open(1, ReadRequest.newBuilder().setTopic("%DLQ%g").setFrom(offset(2)));
    assertTrue(some.response().hasOpened());
    assertEquals(List.of("c", "a", "e"), some.bodies());

    var described =
        cluster
            .admin(2)
            .describeConsumerGroup(
                DescribeConsumerGroupRequest.newBuilder().setConsumerGroup("g").build())
            .getQueues(0);
    assertEquals(5, described.getCommittedOffset());
    assertEquals(5, described.getCursorOffset());
  }
}
