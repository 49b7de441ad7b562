package io.keelmq.sdk;

import io.keelmq.common.Json;
import io.keelmq.sdk.SdkHistory.Call;
import io.keelmq.sdk.SdkHistory.Got;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.LongStream;

/**
 * What a program's history proves: nothing that was sent is lost or stored twice, FIFO messages
 * come in their order, what was acknowledged never comes again, what was recalled never comes.
 * Owned by one thread.
 */
final class SdkVerdict {

  /** Of sends and of deliveries: up to so many milliseconds, the last one beyond all. */
  private static final long[] PAUSES = {100, 300, 1_000, 2_000, 3_000, 5_000, Long.MAX_VALUE};

  private static final Set<String> UNDELAYED = Set.of("send-normal", "send-fifo");
  private static final int EXAMPLES = 5;
  private static final int EXAMPLE_LENGTH = 200;

  private final List<String> broken = new ArrayList<>();
  private final Set<String> recalled = new HashSet<>();
  private final Set<String> acked = new HashSet<>();
  private final Set<String> pushed = new HashSet<>();
  private final Set<String> unsent = new HashSet<>();
  private final Map<String, Integer> next = new HashMap<>();
  private final Map<String, Long> calls = new TreeMap<>();
  private final Map<String, List<String>> failures = new TreeMap<>();
  private final long[] pauses = new long[PAUSES.length];
  private final Map<String, Long> begun = new HashMap<>();
  private final long[] deliveries = new long[PAUSES.length];
  private long slowestMillis;
  private long slowestDeliveryMillis;
  private long pushedAgain;

  /**
   * @param stored how often the log holds each body
   */
  SdkVerdict(SdkHistory history, Map<String, Integer> stored) {
    Set<String> got = new HashSet<>();
    // First, since a message may come before its send has returned.
    for (SdkHistory.Event event : history.events()) {
      if (event instanceof Call call && UNDELAYED.contains(call.kind())) {
        begun.put(call.key(), call.beganMillis());
      }
    }
    for (SdkHistory.Event event : history.events()) {
      if (event instanceof Call call) {
        called(call);
      } else if (event instanceof Got message) {
        got.add(message.key());
        took(message);
      }
    }
    history.owed().forEach(key -> broken.add("sent and never delivered: " + key));
    recalled.retainAll(got);
    recalled.forEach(key -> broken.add("recalled and delivered: " + key));
    stored.forEach(
        (key, count) -> {
          if (count > 1) {
            broken.add(key + " is in the log " + count + " times");
          }
        });
  }

  private void called(Call call) {
    calls.merge(call.kind(), 1L, Long::sum);
    call.failure()
        .ifPresent(
            failure ->
                failures.computeIfAbsent(call.kind(), kind -> new ArrayList<>()).add(failure));
    if (call.isSend()) {
      sent(call);
    } else if (call.isOk() && call.kind().equals("recall")) {
      recalled.add(call.key());
    } else if (call.isOk() && call.kind().equals("ack")) {
      acked.add(call.key());
    }
  }

  private void sent(Call call) {
    slowestMillis = Math.max(slowestMillis, call.tookMillis());
    count(pauses, call.tookMillis());
    if (!call.isOk()) {
      unsent.add(call.key());
    }
  }

  private static void count(long[] pauses, long millis) {
    int i = 0;
    while (millis > PAUSES[i]) {
      i++;
    }
    pauses[i]++;
  }

  /** Of those that nothing but the server holds back; the clocks are one program's. */
  private void delivered(Got message, long begunMillis) {
    long millis = Math.max(0, message.atMillis() - begunMillis);
    slowestDeliveryMillis = Math.max(slowestDeliveryMillis, millis);
    count(deliveries, millis);
  }

  private void took(Got message) {
    String key = message.key();
    Long begunMillis = begun.remove(key);
    if (begunMillis != null) {
      delivered(message, begunMillis);
    }
    if (acked.contains(key)) {
      broken.add("delivered behind its acknowledgement: " + key);
    }
    if (message.consumer().equals("push")) {
      pushedAgain += pushed.add(key) ? 0 : 1;
    } else {
      inOrder(key);
    }
  }

  /** A message may come again when its acknowledgement failed; it may not come before its turn. */
  private void inOrder(String key) {
    int at = key.lastIndexOf('-');
    String group = key.substring(0, at);
    int number = Integer.parseInt(key.substring(at + 1));
    int expected = next.getOrDefault(group, 0);
    while (expected < number && unsent.contains(group + "-" + expected)) {
      expected++;
    }
    if (number > expected) {
      broken.add("expected number " + expected + " of its message group: " + key);
    }
    next.put(group, Math.max(expected, number + 1));
  }

  List<String> broken() {
    return List.copyOf(broken);
  }

  /** How many calls of this kind failed. */
  int failures(String kind) {
    return failures.getOrDefault(kind, List.of()).size();
  }

  Json json(String name) {
    var called = new Json();
    calls.forEach(called::put);
    var failed = new Json();
    var examples = new Json();
    failures.forEach(
        (kind, texts) -> {
          failed.put(kind, texts.size());
          examples.putTexts(kind, examples(texts));
        });
    return new Json()
        .put("program", name)
        .put("calls", called)
        .put("failed", failed)
        .put("pushed_again", pushedAgain)
        .put("slowest_send_ms", slowestMillis)
        .putNumbers(
            "sends_up_to_100_300_1000_2000_3000_5000_more_ms",
            LongStream.of(pauses).boxed().toList())
        .put("slowest_delivery_ms", slowestDeliveryMillis)
        .putNumbers(
            "deliveries_up_to_100_300_1000_2000_3000_5000_more_ms",
            LongStream.of(deliveries).boxed().toList())
        .putTexts("broken", examples(broken))
        .put("failures", examples);
  }

  private static List<String> examples(List<String> texts) {
    return texts.stream()
        .map(text -> text.substring(0, Math.min(EXAMPLE_LENGTH, text.length())))
        .distinct()
        .limit(EXAMPLES)
        .toList();
  }
}
