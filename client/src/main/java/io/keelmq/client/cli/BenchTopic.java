package io.keelmq.client.cli;

import io.keelmq.client.RequestRejected;
import io.keelmq.v1.Code;
import io.keelmq.v1.Topic;
import io.keelmq.v1.TopicType;
import picocli.CommandLine.Option;

/** The options of a bench that makes its topic and fills it. */
final class BenchTopic {
  @Option(
      names = "--queues",
      paramLabel = "N",
      defaultValue = "4",
      description = "of a topic that is made because it is missing; default 4")
  int queues;

  @Option(
      names = "--size",
      paramLabel = "BYTES",
      defaultValue = "1024",
      description = "of a body; default 1024")
  int size;

  void check() {
    BenchReport.check("--size", size, 0, 4 << 20);
    BenchReport.check("--queues", queues, 1, 1_024);
  }

  void make(Cluster cluster, String topic) {
    try {
      cluster
          .topics()
          .create(
              Topic.newBuilder()
                  .setTopic(topic)
                  .setType(TopicType.NORMAL)
                  .setQueues(queues)
                  .build());
    } catch (RequestRejected e) {
      // It is there with other settings, which are as good.
      if (e.code() != Code.TOPIC_EXISTS) {
        throw e;
      }
    }
  }
}
