package io.keelmq.broker.api;

import static io.keelmq.broker.api.testing.ApiCluster.run;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.grpc.StatusRuntimeException;
import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.api.testing.TestProducer;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.LevelRange;
import io.keelmq.broker.state.Limits;
import io.keelmq.broker.state.TopicType;
import io.keelmq.common.StatusDetails;
import io.keelmq.v1.ChecksGrpc;
import io.keelmq.v1.Code;
import io.keelmq.v1.HeldMessage;
import io.keelmq.v1.ListHeldRequest;
import io.keelmq.v1.ReportHeardRequest;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Check-backs that producers were handed count, and no others, over real connections. */
class HeardChecksTest {

  private ApiCluster cluster;

  @BeforeEach
  void start() throws Exception {
    cluster = new ApiCluster(5, 3);
    cluster.createTopic("deals", 1, TopicType.TRANSACTION);
  }

  @AfterEach
  void stop() {
    cluster.close();
  }

  private void raise() {
    for (int level = LevelRange.FIRST + 1; level <= LevelRange.NEWEST; level++) {
      cluster.group.apply(new Command.RaiseLevel(level, "test"));
    }
  }

  @Test
  void oneThatAProducerAtTheLeaderIsHandedCounts() throws Exception {
    raise();
    countsWhatIsHeardAt(0);
  }

  @Test
  void oneThatAProducerAtAFollowerIsHandedCounts() throws Exception {
    raise();
    countsWhatIsHeardAt(2);
  }

  private void countsWhatIsHeardAt(int node) throws Exception {
    half();
    advance(Limits.FIRST_CHECK_MILLIS);
    var asked = TestProducer.open(cluster.asyncStreams(node), "asked", List.of("deals"));
    asked.opened();
    assertEquals(0, held().getHeardChecks(), "nobody was there");

    advance(Limits.CHECK_INTERVAL_MILLIS);

    assertEquals(2, asked.check().getCheck());
    awaitHeard(1);
    assertEquals(2, held().getChecks());
  }

  @Test
  void allCountWhereTheGroupDoesNotKnowIt() throws Exception {
    half();
    var asked = TestProducer.open(cluster.asyncStreams(2), "asked", List.of("deals"));
    asked.opened();
    advance(Limits.FIRST_CHECK_MILLIS);
    assertEquals(1, asked.check().getCheck());

    assertEquals(1, held().getHeardChecks());
    assertEquals(Code.INVALID_ARGUMENT, refused(0, report(1)));
  }

  @Test
  void onlyALeaderTakesReportsAndNoLongOnes() throws Exception {
    raise();
    half();
    advance(Limits.FIRST_CHECK_MILLIS);

    assertEquals(Code.NO_LEADER, refused(1, report(1)));
    assertEquals(Code.INVALID_ARGUMENT, refused(0, report(Limits.MAX_HEARD_CHECKS + 1)));
    assertEquals(0, held().getHeardChecks());

    var garbage = ReportHeardRequest.HeardCheck.newBuilder().setHeldId("x").setCheck(-1);
    checks(0).reportHeard(report(2).toBuilder().addChecks(garbage).build());
    awaitHeard(1);
  }

  @Test
  void whatIsNoNewsIsNotWrittenToTheLog() throws Exception {
    raise();
    half();
    advance(Limits.FIRST_CHECK_MILLIS);
    checks(0).reportHeard(report(2));
    awaitHeard(1);
    long before = cluster.group.state().applied().index();

    checks(0).reportHeard(report(1));
    cluster.group.apply(new Command.AdvanceTime());

    assertEquals(before + 1, cluster.group.state().applied().index());
  }

  private Code refused(int node, ReportHeardRequest request) {
    return StatusDetails.fromThrowable(
            assertThrows(StatusRuntimeException.class, () -> checks(node).reportHeard(request)))
        .getCode();
  }

  private ReportHeardRequest report(int times) {
    var check =
        ReportHeardRequest.HeardCheck.newBuilder()
            .setTopicId(cluster.group.state().topic("deals").orElseThrow().id())
            .setHeldId(held().getHeldId())
            .setCheck(1)
            .build();
    return ReportHeardRequest.newBuilder().addAllChecks(Collections.nCopies(times, check)).build();
  }

  private ChecksGrpc.ChecksBlockingStub checks(int node) {
    return ChecksGrpc.newBlockingStub(cluster.streams(node).getChannel());
  }

  private void half() throws Exception {
    var sender = TestProducer.open(cluster.asyncStreams(1), "sender", 0);
    sender.opened();
    sender.publish(1, run("deals", 0, "a").toBuilder().setHalf(true).build());
    assertEquals(Code.OK, sender.receipt().getCode());
  }

  private void advance(long millis) {
    cluster.group.passTime(millis);
    cluster.group.apply(new Command.AdvanceTime());
  }

  private void awaitHeard(int heard) {
    Awaitility.await().atMost(Duration.ofMinutes(1)).until(() -> held().getHeardChecks() == heard);
  }

  private HeldMessage held() {
    return cluster
        .admin(0)
        .listHeld(ListHeldRequest.newBuilder().setTopic("deals").build())
        .getMessages(0);
  }
}
