package io.keelmq.local;

import io.keelmq.client.ClientClosed;
import io.keelmq.client.ConsumedMessage;
import io.keelmq.client.KeelClient;
import io.keelmq.client.OutcomeUnknown;
import io.keelmq.client.Unavailable;
import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * The process of one consumer of the demo's group: takes messages and acknowledges them, and tells
 * its parent of each on its standard output, before it acknowledges it and when that has succeeded.
 * Ends in order when its input does.
 *
 * <p>On the output: type (1), queue (4), offset (8).
 */
@Command(name = "demo-consumer", description = "One consumer of the demo's group.")
public final class DemoConsumer implements Callable<Integer> {

  static final int TOOK = 1;
  static final int ACKED = 2;

  /** Acknowledged while the leader died: stored, or the message comes again. */
  static final int DOUBTED = 3;

  private static final int MAX_RECEIVE = 512;
  private static final Duration POLL = Duration.ofMillis(200);

  @Option(names = "--endpoints", required = true)
  String endpoints;

  @Option(names = "--topic", required = true)
  String topic;

  @Option(names = "--group", required = true)
  String group;

  private final DataOutputStream out =
      new DataOutputStream(new BufferedOutputStream(System.out, 1 << 16));
  private volatile boolean stopping;

  private DemoConsumer() {}

  public static void main(String[] args) {
    LocalProgram.main(new DemoConsumer(), args);
  }

  @Override
  public Integer call() throws IOException {
    var watch = new Thread(this::awaitEndOfInput, "end-of-input");
    watch.setDaemon(true);
    watch.start();
    try (var client = KeelClient.connect(endpoints);
        var consumer = client.consumer().group(group).topic(topic).open()) {
      while (!stopping) {
        try {
          List<ConsumedMessage> messages = consumer.receive(MAX_RECEIVE, POLL);
          for (ConsumedMessage message : messages) {
            tell(TOOK, message);
          }
          // What was acknowledged by a process that is killed is known to have been taken.
          flush();
          for (ConsumedMessage message : messages) {
            message.ack().whenComplete((nothing, failure) -> told(message, failure));
          }
        } catch (Unavailable e) {
          // It keeps trying; so do we.
          flush();
        } catch (ClientClosed e) {
          stopping = true;
        }
      }
    }
    flush();
    return 0;
  }

  private void told(ConsumedMessage message, Throwable failure) {
    if (failure == null) {
      tell(ACKED, message);
    } else if (failure instanceof OutcomeUnknown || failure.getCause() instanceof OutcomeUnknown) {
      tell(DOUBTED, message);
    }
    // Otherwise it was not acknowledged, and comes again.
  }

  private synchronized void tell(int type, ConsumedMessage message) {
    try {
      out.writeByte(type);
      out.writeInt(message.queue());
      out.writeLong(message.offset());
    } catch (IOException e) {
      stopping = true;
    }
  }

  private synchronized void flush() throws IOException {
    out.flush();
  }

  private void awaitEndOfInput() {
    try (InputStream in = System.in) {
      while (in.read() >= 0) {
        Thread.onSpinWait();
      }
    } catch (IOException e) {
      // Its end all the same.
      stopping = true;
    }
    stopping = true;
  }
}
