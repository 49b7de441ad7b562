package io.keelmq.sdk;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

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
  private final List<String> rest = new ArrayList<>();

  synchronized void line(String line) {
    String[] words = line.split("\t", CALL_WORDS);
    if (words.length == CALL_WORDS && words[0].equals("call")) {
      Optional<String> failure = words[5].equals("ok") ? Optional.empty() : Optional.of(words[5]);
      events.add(
          new Call(
              words[1], words[2], Long.parseLong(words[3]), Long.parseLong(words[4]), failure));
    } else if (words.length == GOT_WORDS && words[0].equals("got")) {
      events.add(new Got(words[1], words[2], Long.parseLong(words[3])));
    } else {
      rest.add(line);
    }
  }

  /** Whether the program has said this one word. */
  synchronized boolean has(String word) {
    return rest.contains(word);
  }

  synchronized List<Event> events() {
    return List.copyOf(events);
  }
}
