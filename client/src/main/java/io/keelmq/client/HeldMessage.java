package io.keelmq.client;

import java.time.Instant;
import java.util.List;

/**
 * Messages that have no place in their queue yet.
 *
 * @param count how many were sent under the id: one, where they were sent by this client
 * @param half wait for their transaction; else for their time
 * @param due when they get their place, or their producer is asked next, in log time
 * @param checks with {@code half}: how often their producers were asked
 * @param heardChecks of these, how often one was there to hear it; only they count
 * @param stored when they were sent, in log time
 * @param messages with offset -1; empty where the broker could not read them
 */
public record HeldMessage(
    String topic,
    String heldId,
    int queue,
    int count,
    boolean half,
    Instant due,
    int checks,
    int heardChecks,
    Instant stored,
    List<ReadMessage> messages) {

  public HeldMessage {
    messages = List.copyOf(messages);
  }
}
