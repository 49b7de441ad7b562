package io.keelmq.sdk;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What a program of {@code src/test/sdk/README.md} has told of its calls and messages, in its
 * order. Thread-safe.
 */
final class SdkHistory {

  /** A line that the programs print. */
  sealed interface Event permits Call, Got {}

  /**
   * A call of the SDK.
   *
   * @param kind send-normal, send-fifo, send-delay, send-transaction, commit, recall, receive, ack
   * @param key the message's body; "-" for receive
   * @param failure empty if it succeeded
   */
  record Call(String kind, String key, long beganMillis, long tookMillis, Optional<String> failure)
      implements Event {

    boolean isOk() {
      return failure.isEmpty();
    }

    boolean isSend() {
      return kind.startsWith("send-");
    }
  }

  /**
   * A message was handed out.
   *
   * @param consumer push or simple
   */
  record Got(String consumer, String key, long atMillis) implements Event {}

  private static final int CALL_WORDS = 6;
  private static final int GOT_WORDS = 4;

  private final List<Event> events = new ArrayList<>();
  private final Set<String> owed = new HashSet<>();
  private final Set<String> got = new HashSet<>();
  private final List<String> rest = new ArrayList<>();

  synchronized void line(String line) {
    String[] words = line.split("\t", CALL_WORDS);
    if (words.length == CALL_WORDS && words[0].equals("call")) {
      Optional<String> failure = words[5].equals("ok") ? Optional.empty() : Optional.of(words[5]);
      add(
          new Call(
              words[1], words[2], Long.parseLong(words[3]), Long.parseLong(words[4]), failure));
    } else if (words.length == GOT_WORDS && words[0].equals("got")) {
      add(new Got(words[1], words[2], Long.parseLong(words[3])));
    } else {
      rest.add(line);
    }
  }

  private void add(Call call) {
    events.add(call);
    // Those to be recalled come only if that failed, and long after.
    if (call.isSend()
        && call.isOk()
        && !call.key().startsWith("recall-")
        && !got.contains(call.key())) {
      owed.add(call.key());
    }
  }

  private void add(Got message) {
    events.add(message);
    got.add(message.key());
    owed.remove(message.key());
  }

  /** Messages that were sent and have not come. */
  synchronized Set<String> owed() {
    return Set.copyOf(owed);
  }

  synchronized boolean isDrained() {
    return owed.isEmpty();
  }

  /** Whether the program has said this one word. */
  synchronized boolean has(String word) {
    return rest.contains(word);
  }

  synchronized List<Event> events() {
    return List.copyOf(events);
  }
}
