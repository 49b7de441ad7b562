package io.keelmq.chaos.checks;

import java.util.ArrayList;
import java.util.List;

/**
 * What became of every send of a run, as the history tells it: 17 bytes each. Owned by one thread.
 */
public final class Ledger {

  /** More would need more memory than a run is given: 20 million sends take 340 MB. */
  public static final long MAX_OPERATIONS = 20_000_000;

  static final byte OPEN = 1;
  static final byte OK = 2;
  static final byte FAILED = 3;
  static final byte UNKNOWN = 4;

  /** Acknowledged, and has no place until its time has come or its transaction is committed. */
  static final byte HELD = 5;

  private static final int CHUNK = 1 << 14;

  private final List<Sends> producers = new ArrayList<>();
  private final List<String> misuse = new ArrayList<>();
  private long invoked;
  private long acked;
  private long failed;

  /** The sends of one producer, by seq. */
  private static final class Sends {
    private final List<Chunk> chunks = new ArrayList<>();
    private long count;

    Chunk chunk(long seq) {
      return chunks.get((int) (seq / CHUNK));
    }
  }

  private static final class Chunk {
    private final byte[] states = new byte[CHUNK];
    private final int[] keys = new int[CHUNK];
    private final int[] queues = new int[CHUNK];
    private final long[] offsets = new long[CHUNK];
  }

  void accept(Event event) {
    if (event instanceof Event.Invoke invoke) {
      open(invoke);
    } else if (event instanceof Event.Ok ok) {
      if (settle(ok, OK)) {
        acked++;
        Chunk chunk = producers.get(ok.producer()).chunk(ok.seq());
        chunk.queues[(int) (ok.seq() % CHUNK)] = ok.queue();
        chunk.offsets[(int) (ok.seq() % CHUNK)] = ok.offset();
      }
    } else if (event instanceof Event.Fail fail && settle(fail, FAILED)) {
      failed++;
    } else if (event instanceof Event.Unknown end) {
      settle(end, UNKNOWN);
    } else if (event instanceof Event.Held held && settle(held, HELD)) {
      acked++;
    }
  }

  int producers() {
    return producers.size();
  }

  /** Sends of this producer, settled or not. */
  long sends(int producer) {
    return producers.get(producer).count;
  }

  boolean contains(int producer, long seq) {
    return producer >= 0
        && producer < producers.size()
        && seq >= 0
        && seq < producers.get(producer).count;
  }

  byte state(int producer, long seq) {
    return producers.get(producer).chunk(seq).states[(int) (seq % CHUNK)];
  }

  int key(int producer, long seq) {
    return producers.get(producer).chunk(seq).keys[(int) (seq % CHUNK)];
  }

  /** Only of sends in state OK, as is the offset. */
  int queue(int producer, long seq) {
    return producers.get(producer).chunk(seq).queues[(int) (seq % CHUNK)];
  }

  long offset(int producer, long seq) {
    return producers.get(producer).chunk(seq).offsets[(int) (seq % CHUNK)];
  }

  public long invoked() {
    return invoked;
  }

  public long acked() {
    return acked;
  }

  public long failed() {
    return failed;
  }

  /** Those that ended so and those that never ended. */
  public long unknown() {
    return invoked - acked - failed;
  }

  /** Faults of the history itself: a verdict on it would be worth nothing. */
  List<String> misuse() {
    return List.copyOf(misuse);
  }

  private void open(Event.Invoke invoke) {
    if (invoked >= MAX_OPERATIONS) {
      throw new IllegalStateException("more than " + MAX_OPERATIONS + " sends in one run");
    }
    while (producers.size() <= invoke.producer()) {
      producers.add(new Sends());
    }
    Sends sends = producers.get(invoke.producer());
    if (invoke.seq() != sends.count) {
      report(invoke + " is not the next send of its producer, expected seq " + sends.count);
      return;
    }
    if (sends.count % CHUNK == 0) {
      sends.chunks.add(new Chunk());
    }
    sends.count++;
    invoked++;
    Chunk chunk = sends.chunk(invoke.seq());
    chunk.states[(int) (invoke.seq() % CHUNK)] = OPEN;
    chunk.keys[(int) (invoke.seq() % CHUNK)] = invoke.key();
  }

  private boolean settle(Event.OfSend event, byte state) {
    if (!contains(event.producer(), event.seq()) || state(event.producer(), event.seq()) != OPEN) {
      report(event + " settles a send that is not open");
      return false;
    }
    producers.get(event.producer()).chunk(event.seq()).states[(int) (event.seq() % CHUNK)] = state;
    return true;
  }

  private void report(String what) {
    // One is enough to void the run.
    if (misuse.isEmpty()) {
      misuse.add(what);
    }
  }
}
