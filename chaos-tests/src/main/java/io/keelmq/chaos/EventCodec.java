package io.keelmq.chaos;

import io.keelmq.chaos.checks.Event;
import io.keelmq.chaos.checks.Event.Decision;
import io.keelmq.chaos.checks.Event.LeaseName;
import io.keelmq.chaos.checks.Event.Outcome;
import io.keelmq.chaos.checks.Event.Settling;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/** The bytes of one event in a history's file: its type, then its fields in order. Stateless. */
final class EventCodec {

  private static final int INVOKE = 1;
  private static final int OK = 2;
  private static final int FAIL = 3;
  private static final int UNKNOWN = 4;
  private static final int DELIVERED = 5;
  private static final int WAITS = 6;
  private static final int HELD = 7;
  private static final int DECIDES = 8;
  private static final int DECIDED = 9;
  private static final int JOINS = 10;
  private static final int LEAVES = 11;
  private static final int POLLS = 12;
  private static final int POLLED = 13;
  private static final int TOOK = 14;
  private static final int SETTLES = 15;
  private static final int SETTLED = 16;

  private EventCodec() {}

  static void write(Event event, DataOutput out) throws IOException {
    if (event instanceof Event.OfSend send) {
      writeSend(send, out);
    } else {
      writeConsumer((Event.OfConsumer) event, out);
    }
    out.writeLong(event.nanos());
  }

  private static void writeSend(Event.OfSend event, DataOutput out) throws IOException {
    if (event instanceof Event.Invoke invoke) {
      send(INVOKE, event, out);
      out.writeInt(invoke.key());
    } else if (event instanceof Event.Ok ok) {
      send(OK, event, out);
      place(ok.queue(), ok.offset(), out);
    } else if (event instanceof Event.Fail) {
      send(FAIL, event, out);
    } else if (event instanceof Event.Unknown) {
      send(UNKNOWN, event, out);
    } else if (event instanceof Event.Delivered delivered) {
      send(DELIVERED, event, out);
      out.writeInt(delivered.key());
      place(delivered.queue(), delivered.offset(), out);
    } else if (event instanceof Event.Waits waits) {
      send(WAITS, event, out);
      out.writeLong(waits.dueMillis());
    } else if (event instanceof Event.Held) {
      send(HELD, event, out);
    } else if (event instanceof Event.Decides decides) {
      send(DECIDES, event, out);
      out.writeByte(decides.decision().code());
    } else if (event instanceof Event.Decided decided) {
      send(DECIDED, event, out);
      out.writeByte(decided.decision().code());
      out.writeByte(decided.outcome().code());
    }
  }

  private static void writeConsumer(Event.OfConsumer event, DataOutput out) throws IOException {
    if (event instanceof Event.Joins joins) {
      consumer(JOINS, event, out);
      out.writeInt(joins.group());
      out.writeBoolean(joins.renews());
    } else if (event instanceof Event.Leaves leaves) {
      consumer(LEAVES, event, out);
      out.writeBoolean(leaves.returning());
    } else if (event instanceof Event.Polls) {
      consumer(POLLS, event, out);
    } else if (event instanceof Event.Polled) {
      consumer(POLLED, event, out);
    } else if (event instanceof Event.Took took) {
      consumer(TOOK, event, out);
      leased(took.group(), took.queue(), took.offset(), took.lease(), out);
      out.writeInt(took.attempt());
      out.writeLong(took.deadlineMillis());
      out.writeInt(took.producer());
      out.writeInt(took.key());
      out.writeLong(took.seq());
    } else if (event instanceof Event.Settles settles) {
      consumer(SETTLES, event, out);
      leased(settles.group(), settles.queue(), settles.offset(), settles.lease(), out);
      out.writeByte(settles.how().code());
      out.writeLong(settles.millis());
    } else if (event instanceof Event.Settled settled) {
      consumer(SETTLED, event, out);
      leased(settled.group(), settled.queue(), settled.offset(), settled.lease(), out);
      out.writeByte(settled.how().code());
      out.writeByte(settled.outcome().code());
    }
  }

  private static void send(int type, Event.OfSend event, DataOutput out) throws IOException {
    out.writeByte(type);
    out.writeInt(event.producer());
    out.writeLong(event.seq());
  }

  private static void consumer(int type, Event.OfConsumer event, DataOutput out)
      throws IOException {
    out.writeByte(type);
    out.writeInt(event.consumer());
  }

  private static void place(int queue, long offset, DataOutput out) throws IOException {
    out.writeInt(queue);
    out.writeLong(offset);
  }

  private static void leased(int group, int queue, long offset, LeaseName lease, DataOutput out)
      throws IOException {
    out.writeInt(group);
    place(queue, offset, out);
    out.writeInt(lease.generation());
    out.writeLong(lease.index());
    out.writeInt(lease.ordinal());
  }

  /** The event whose type was just read. */
  static Event read(int type, DataInput in) throws IOException {
    return switch (type) {
      case INVOKE, OK, FAIL, UNKNOWN, DELIVERED, WAITS, HELD, DECIDES, DECIDED ->
          readSend(type, in.readInt(), in.readLong(), in);
      case JOINS, LEAVES, POLLS, POLLED -> readConsumer(type, in.readInt(), in);
      case TOOK, SETTLES, SETTLED -> readLeased(type, in.readInt(), in);
      default -> throw new IOException("no event has type " + type);
    };
  }

  private static Event readSend(int type, int producer, long seq, DataInput in) throws IOException {
    return switch (type) {
      case INVOKE -> {
        int key = in.readInt();
        yield new Event.Invoke(producer, key, seq, in.readLong());
      }
      case OK -> {
        int queue = in.readInt();
        long offset = in.readLong();
        yield new Event.Ok(producer, seq, queue, offset, in.readLong());
      }
      case FAIL -> new Event.Fail(producer, seq, in.readLong());
      case UNKNOWN -> new Event.Unknown(producer, seq, in.readLong());
      case DELIVERED -> {
        int key = in.readInt();
        int queue = in.readInt();
        long offset = in.readLong();
        yield new Event.Delivered(producer, key, seq, queue, offset, in.readLong());
      }
      case WAITS -> {
        long dueMillis = in.readLong();
        yield new Event.Waits(producer, seq, dueMillis, in.readLong());
      }
      case HELD -> new Event.Held(producer, seq, in.readLong());
      case DECIDES -> {
        Decision decision = Decision.ofCode(in.readByte());
        yield new Event.Decides(producer, seq, decision, in.readLong());
      }
      default -> {
        Decision decision = Decision.ofCode(in.readByte());
        Outcome outcome = Outcome.ofCode(in.readByte());
        yield new Event.Decided(producer, seq, decision, outcome, in.readLong());
      }
    };
  }

  private static Event readConsumer(int type, int consumer, DataInput in) throws IOException {
    return switch (type) {
      case JOINS -> {
        int group = in.readInt();
        boolean renews = in.readBoolean();
        yield new Event.Joins(consumer, group, renews, in.readLong());
      }
      case LEAVES -> {
        boolean returning = in.readBoolean();
        yield new Event.Leaves(consumer, returning, in.readLong());
      }
      case POLLS -> new Event.Polls(consumer, in.readLong());
      default -> new Event.Polled(consumer, in.readLong());
    };
  }

  private static Event readLeased(int type, int consumer, DataInput in) throws IOException {
    int group = in.readInt();
    int queue = in.readInt();
    long offset = in.readLong();
    int generation = in.readInt();
    long index = in.readLong();
    var lease = new LeaseName(generation, index, in.readInt());
    return switch (type) {
      case TOOK -> {
        int attempt = in.readInt();
        long deadlineMillis = in.readLong();
        int producer = in.readInt();
        int key = in.readInt();
        long seq = in.readLong();
        yield new Event.Took(
            consumer,
            group,
            queue,
            offset,
            lease,
            attempt,
            deadlineMillis,
            producer,
            key,
            seq,
            in.readLong());
      }
      case SETTLES -> {
        Settling how = Settling.ofCode(in.readByte());
        long millis = in.readLong();
        yield new Event.Settles(consumer, group, queue, offset, lease, how, millis, in.readLong());
      }
      default -> {
        Settling how = Settling.ofCode(in.readByte());
        Outcome outcome = Outcome.ofCode(in.readByte());
        yield new Event.Settled(consumer, group, queue, offset, lease, how, outcome, in.readLong());
      }
    };
  }
}
