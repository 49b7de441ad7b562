package io.keelmq.broker.state.testing;

import io.keelmq.broker.state.BrokerState;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.CommandOrigin;
import io.keelmq.broker.state.LevelRange;
import io.keelmq.broker.state.LogEntryInfo;
import io.keelmq.broker.state.Outcome;
import io.keelmq.broker.state.Rejection;
import io.keelmq.broker.state.Reply;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.Tables;
import io.keelmq.broker.state.TopicType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;

/** Feeds a state machine one entry after the other, as a log would, and keeps what was fed. */
public final class StateScript {

  /** One entry with its commands, to be fed to another state machine too. */
  public record Fed(LogEntryInfo entry, List<FedCommand> commands) {}

  public record FedCommand(Optional<CommandOrigin> origin, Command command) {}

  public final MapTables tables = new MapTables();
  public final StateView view = new StateView(tables);
  public final List<Fed> log = new ArrayList<>();

  private final UnaryOperator<Tables> between;
  private BrokerState state;
  private long index;
  private long timeMillis = 1_000_000;

  public StateScript() {
    this(tables -> tables);
  }

  /**
   * @param between what the state machine sees of its tables, to spoil them
   */
  public StateScript(UnaryOperator<Tables> between) {
    this.between = between;
    this.state = new BrokerState(between.apply(tables));
  }

  /** Brings the group to the newest feature level. */
  public StateScript raised() {
    for (int level = LevelRange.FIRST + 1; level <= LevelRange.NEWEST; level++) {
      expect(Reply.Done.class, apply(new Command.RaiseLevel(level, "test")));
    }
    return this;
  }

  /** Sets log time to {@code millis} after the script's beginning. */
  public StateScript at(long millis) {
    timeMillis = 1_000_000 + millis;
    return this;
  }

  /** Goes on with a new state machine over the same rows, as after a restart. */
  public StateScript restart() {
    state = new BrokerState(between.apply(tables));
    return this;
  }

  public Reply apply(Command command) {
    return outcome(Optional.empty(), command).reply();
  }

  public Reply apply(CommandOrigin origin, Command command) {
    return outcome(Optional.of(origin), command).reply();
  }

  public Outcome outcome(Optional<CommandOrigin> origin, Command command) {
    return entry(List.of(new FedCommand(origin, command))).get(0);
  }

  /** Applies several commands that share an entry. */
  public List<Outcome> entry(List<FedCommand> commands) {
    // Leaders' clocks may stand behind: the state has to cope, so the script passes time as it is.
    var entry = new LogEntryInfo(++index, 1, timeMillis);
    log.add(new Fed(entry, commands));
    var outcomes = new ArrayList<Outcome>();
    for (var fed : commands) {
      outcomes.add(state.apply(entry, fed.origin(), fed.command()));
    }
    state.finish(entry);
    return outcomes;
  }

  /**
   * Applies what was fed, from the {@code from}th entry on, to other rows.
   *
   * @param restarts asked before each entry
   */
  public void replay(MapTables other, int from, BooleanSupplier restarts) {
    var replayed = new BrokerState(other);
    for (Fed fed : log.subList(from, log.size())) {
      if (restarts.getAsBoolean()) {
        replayed = new BrokerState(other);
      }
      for (FedCommand command : fed.commands()) {
        replayed.apply(fed.entry(), command.origin(), command.command());
      }
      replayed.finish(fed.entry());
    }
  }

  /** Log time now. */
  public long nowMillis() {
    return timeMillis;
  }

  public BrokerState state() {
    return state;
  }

  public void topic(String name, int queues) {
    expect(
        Reply.TopicSettings.class,
        apply(new Command.CreateTopic(name, TopicType.NORMAL, queues, 0)));
  }

  public void topic(String name, int queues, long retentionMillis) {
    expect(
        Reply.TopicSettings.class,
        apply(new Command.CreateTopic(name, TopicType.NORMAL, queues, retentionMillis)));
  }

  public void topic(String name, int queues, TopicType type) {
    expect(Reply.TopicSettings.class, apply(new Command.CreateTopic(name, type, queues, 0)));
  }

  /** Log time at {@code millis} after the script's beginning. */
  public static long time(long millis) {
    return 1_000_000 + millis;
  }

  /** A run that waits, of one message. */
  public static Command.Run held(String topic, int queue, int position, Command.Placing placing) {
    return new Command.Run(topic, queue, 1, position, 10, List.of(), placing);
  }

  public static Command.SendMessages batch(String producer, long sequence, Command.Run... runs) {
    return batch(producer, 0, sequence, runs);
  }

  public static Command.SendMessages batch(
      String producer, long epoch, long sequence, Command.Run... runs) {
    return new Command.SendMessages(
        new Command.ProducerSequence(producer, epoch, sequence), List.of(runs));
  }

  public static Command.Run run(String topic, int queue, int count) {
    return run(topic, queue, count, 100);
  }

  public static Command.Run run(String topic, int queue, int count, int position) {
    return new Command.Run(topic, queue, count, position, count * 10, List.of());
  }

  public static Command.SendMessages byId(String client, String topic, int queue, String id) {
    return new Command.SendMessages(
        new Command.ClientMessageIds(client),
        List.of(new Command.Run(topic, queue, 1, 100, 10, List.of(id))));
  }

  public static <T extends Reply> T expect(Class<T> kind, Reply reply) {
    if (!kind.isInstance(reply)) {
      throw new AssertionError("expected " + kind.getSimpleName() + ", got " + reply);
    }
    return kind.cast(reply);
  }

  public static void expectRejected(Rejection reason, Reply reply) {
    var rejected = expect(Reply.Rejected.class, reply);
    if (rejected.reason() != reason) {
      throw new AssertionError("expected " + reason + ", got " + rejected);
    }
    if (rejected.message().isBlank()) {
      throw new AssertionError(reason + " says nothing");
    }
  }

  public static List<Long> offsets(Reply reply) {
    return expect(Reply.Stored.class, reply).firstOffsets();
  }
}
