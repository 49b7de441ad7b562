package io.keelmq.broker.api;

import static io.keelmq.broker.api.testing.ApiCluster.run;
import static io.keelmq.broker.api.testing.TestConsumer.bodies;
import static io.keelmq.broker.api.testing.TestConsumer.consumer;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.api.testing.FakeGroup;
import io.keelmq.broker.api.testing.TestConsumer;
import io.keelmq.broker.api.testing.TestProducer;
import io.keelmq.broker.api.testing.TestReader;
import io.keelmq.broker.state.Command;
import io.keelmq.v1.Code;
import io.keelmq.v1.Message;
import io.keelmq.v1.ReadRequest;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Readers that found out where messages lie, and come for them when the messages have moved and the
 * old log is gone: they get the right ones.
 */
class RelocatedReadsTest {

  private ApiCluster cluster;

  @BeforeEach
  void start() throws Exception {
    cluster = new ApiCluster(new FakeGroup(1, 1), 1, System::nanoTime);
    cluster.createTopic("t", 1);
    TestProducer producer = TestProducer.open(cluster.asyncStreams(0), "p", 0);
    producer.opened();
    producer.publish(
        1,
        run(
            "t",
            0,
            List.of(
                Message.newBuilder().setBody(ByteString.copyFromUtf8("m0")).setTag("yes").build(),
                Message.newBuilder()
                    .setBody(ByteString.copyFromUtf8("m1"))
                    .setTag("yes")
                    .build())));
    assertEquals(Code.OK, producer.receipt().getCode());
    cluster.group.hideEntries(true);
  }

  @AfterEach
  void stop() {
    cluster.close();
  }

  /** When somebody has the old address and has come for it in vain. */
  private void relocateUnderReaders() {
    Awaitility.await().atMost(60, TimeUnit.SECONDS).until(() -> cluster.group.misses() > 2);
    long topic = cluster.group.state().topic("t").orElseThrow().id();
    var old = cluster.group.state().runs(topic, 0, 0, 1).get(0);
    cluster.group.relocate(old, List.of(new Command.RunKey(topic, 0, 0)), List.of());
    cluster.group.hideEntries(false);
  }

  @Test
  void aReaderGoesOnAtTheNewPlace() throws Exception {
    var reader =
        TestReader.open(cluster.asyncStreams(0), ReadRequest.newBuilder().setTopic("t").build());
    assertTrue(reader.response().hasOpened());

    relocateUnderReaders();

    var batch = reader.response().getBatch();
    assertEquals(0, batch.getFirstOffset());
    assertEquals(2, batch.getCount());
    assertTrue(batch.getRecords().toStringUtf8().contains("m1"));
  }

  @Test
  void aLeaseOnItsWayIsDeliveredFromTheNewPlace() throws Exception {
    var consumer = TestConsumer.open(cluster.asyncStreams(0), consumer("c", "g", "t"), 9);

    relocateUnderReaders();

    assertEquals(List.of("m0", "m1"), bodies(consumer.delivery()));
  }

  @Test
  void aPlannerThatFiltersLooksAtTheNewPlace() throws Exception {
    var consumer =
        TestConsumer.open(cluster.asyncStreams(0), consumer("c", "g", "t").setTags("yes"), 9);

    relocateUnderReaders();

    assertEquals(List.of("m0", "m1"), bodies(consumer.delivery()));
  }
}
