package io.keelmq.broker.state;

import io.keelmq.broker.state.Deadlines.Deadline;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The state machine of a broker group: every decision that clients can observe.
 *
 * <p>Owned by the apply thread. Total: bad input is a {@link Reply.Rejected}, never an exception;
 * an exception out of here is a defect and stops the replica. Keeps nothing in memory that its rows
 * do not hold, so a restarted replica goes on from its applied index.
 */
public final class BrokerState {

  private final Tables raw;
  private final Digest tables;
  private final Deadlines deadlines;
  private final Topics topics;
  private final Queues queues;
  private final HeldMessages held;
  private final ConsumerGroups groups;
  private final LeaseSweeps leaseSweeps;
  private final Leases leases;
  private final Grants grants;
  private final Settlements settlements;
  private final Sends sends;
  private final Replies replies;
  private final Members members;
  private final FeatureLevels levels;
  private final Relocations relocations;
  private final Trims trims;

  private Applied applied;

  /** Numbers the message ids of the entry that is being applied. */
  private int ordinal;

  public BrokerState(Tables tables) {
    this.raw = tables;
    this.applied = tables.get(Table.META, Keys.APPLIED).map(Rows::applied).orElse(Applied.NOTHING);
    this.tables = new Digest(tables, applied.digest());
    var counters = new Counters(this.tables);
    this.deadlines = new Deadlines(this.tables);
    this.leaseSweeps = new LeaseSweeps(this.tables, deadlines);
    this.queues = new Queues(this.tables, deadlines);
    this.held = new HeldMessages(this.tables, counters, deadlines, queues);
    this.topics = new Topics(this.tables, counters, deadlines, leaseSweeps, held);
    this.groups = new ConsumerGroups(this.tables, counters, deadlines, leaseSweeps);
    this.leases =
        new Leases(this.tables, deadlines, new DeadLetters(this.tables, counters, topics, queues));
    this.grants = new Grants(this.tables, leases);
    this.settlements = new Settlements(this.tables, leases);
    this.sends =
        new Sends(
            this.tables,
            queues,
            held,
            new Producers(this.tables, counters),
            new MessageIds(this.tables, counters));
    this.replies = new Replies(this.tables, counters);
    this.members = new Members(this.tables);
    this.levels = new FeatureLevels(this.tables);
    this.relocations = new Relocations(this.tables);
    this.trims = new Trims(this.tables);
  }

  /**
   * Carries out one command.
   *
   * @param entry where it stands; commands of one entry have the same
   * @param origin told by callers that repeat a command; absent where the command tells repeats
   *     itself
   */
  public Outcome apply(LogEntryInfo entry, Optional<CommandOrigin> origin, Command command) {
    if (entry.index() <= applied.index()) {
      throw new IllegalStateException(
          "entry " + entry.index() + " comes after " + applied.index() + " was applied");
    }
    LogEntryInfo stamped = neverBack(entry);
    if (origin.isEmpty()) {
      return decide(stamped, command);
    }
    Optional<Reply> given = replies.find(origin.get());
    if (given.isPresent()) {
      return Outcome.of(given.get());
    }
    if (!replies.hasRoom(stamped)) {
      return Outcome.rejected(
          Rejection.TOO_MANY,
          Limits.MAX_REPLIES
              + " commands of the last "
              + Limits.REPLY_MILLIS / 1_000
              + " s are remembered, more do not fit: try again later");
    }
    Outcome outcome = decide(stamped, command);
    replies.remember(stamped, origin.get(), outcome.reply());
    return outcome;
  }

  /** Ends an entry: its index, log time and digest become part of the rows. */
  public void finish(LogEntryInfo entry) {
    LogEntryInfo stamped = neverBack(entry);
    keepDigest(stamped);
    applied = new Applied(stamped.index(), stamped.term(), stamped.timeMillis(), tables.value());
    // Past the digest, which could not hold itself.
    raw.put(Table.META, Keys.APPLIED, Rows.applied(applied));
    ordinal = 0;
  }

  /** How far the rows have come. */
  public Applied applied() {
    return applied;
  }

  /** The group's feature level, as it is after what was applied. */
  public Features features() {
    return FeatureLevels.read(raw);
  }

  private Outcome decide(LogEntryInfo entry, Command command) {
    if (!levels.allow(command)) {
      return levels.refused(command);
    } else if (command instanceof Command.SendMessages send) {
      int firstOrdinal = ordinal;
      ordinal += send.runs().size();
      return sends.apply(entry, send, firstOrdinal);
    } else if (command instanceof Command.CreateTopic create) {
      return topics.create(entry, create);
    } else if (command instanceof Command.AlterTopic alter) {
      return topics.alter(entry, alter);
    } else if (command instanceof Command.DeleteTopic delete) {
      return topics.delete(entry, delete);
    } else if (command instanceof Command.CreateConsumerGroup create) {
      return groups.create(create);
    } else if (command instanceof Command.DeleteConsumerGroup delete) {
      return groups.delete(entry, delete);
    } else if (command instanceof Command.CommitOffsets commit) {
      return groups.commit(commit);
    } else if (command instanceof Command.SeekOffsets seek) {
      return groups.seek(entry, seek);
    } else if (command instanceof Command.SubscribeGroup subscribe) {
      return groups.subscribe(subscribe);
    } else if (command instanceof Command.GrantLeases grant) {
      return grants.apply(entry, grant);
    } else if (command instanceof Command.SettleLeases settle) {
      return settlements.apply(entry, settle);
    } else if (command instanceof Command.RecallMessage recall) {
      return held.recall(recall);
    } else if (command instanceof Command.EndTransaction end) {
      return held.end(entry, end);
    } else if (command instanceof Command.HeardChecks heard) {
      return held.heard(entry, heard);
    } else if (command instanceof Command.AdvanceTime) {
      return advanceTime(entry);
    } else if (command instanceof Command.RelocateBodies relocate) {
      return relocations.apply(entry, relocate);
    } else if (command instanceof Command.TrimQueues trim) {
      return trims.apply(entry, trim);
    } else if (command instanceof Command.Membership change) {
      return members.apply(change);
    } else if (command instanceof Command.RaiseLevel raise) {
      return levels.raise(entry, raise);
    }
    throw new IllegalStateException("no rule for " + command.getClass());
  }

  private Outcome advanceTime(LogEntryInfo entry) {
    LeaseStep step = leases.begin(entry);
    HeldStep heldStep = held.begin(entry, features());
    // What was due when the step began; what it adds is left for the next.
    List<Deadline> due = deadlines.due(entry.timeMillis(), Limits.DEADLINES_PER_STEP);
    long changesBefore = tables.changes();
    for (Deadline deadline : due) {
      if (tables.changes() - changesBefore > Limits.STEP_ROWS) {
        break;
      }
      deadlines.remove(deadline);
      serve(entry, step, heldStep, deadline).ifPresent(deadlines::add);
    }
    var effects = new ArrayList<Effect>(step.end());
    effects.addAll(heldStep.end());
    deadlines.earliest().ifPresent(time -> effects.add(new Effect.DueAt(time)));
    return new Outcome(new Reply.Done(), effects);
  }

  /** Does one step of what is due and says when to go on with it. */
  private Optional<Deadline> serve(
      LogEntryInfo entry, LeaseStep step, HeldStep heldStep, Deadline deadline) {
    boolean done =
        switch (deadline.kind()) {
          case QUEUE_RETENTION -> {
            Optional<Deadline> next =
                Topics.find(tables, deadline.id())
                    .flatMap(topic -> queues.trim(entry, topic, deadline.queue()));
            next.ifPresent(deadlines::add);
            yield true;
          }
          case SWEEP_TOPIC -> topics.sweep(deadline.id(), Limits.SWEEP_ROWS);
          case SWEEP_CONSUMER_GROUP -> groups.sweep(deadline.id(), Limits.SWEEP_ROWS);
          case HELD -> {
            heldStep.serve(deadline);
            yield true;
          }
          case LEASE -> {
            Expiry.serve(step, deadline);
            yield true;
          }
          case SWEEP_LEASES ->
              leaseSweeps.generations(
                      deadline.subscription(), deadline.lease().generation(), Limits.SWEEP_ROWS)
                  > 0;
        };
    return done ? Optional.empty() : Optional.of(deadline.at(entry.timeMillis()));
  }

  /** Leaders stamp entries by their own clocks; what goes into the state only rises. */
  private LogEntryInfo neverBack(LogEntryInfo entry) {
    return entry.timeMillis() >= applied.timeMillis()
        ? entry
        : new LogEntryInfo(entry.index(), entry.term(), applied.timeMillis());
  }

  /**
   * Keeps the digest each time a multiple of {@link Limits#DIGEST_INTERVAL} is passed. Not every
   * log index is an entry of ours, so what is kept is the digest of all entries below the multiple.
   */
  private void keepDigest(LogEntryInfo entry) {
    long interval = entry.index() / Limits.DIGEST_INTERVAL;
    if (interval == applied.index() / Limits.DIGEST_INTERVAL) {
      return;
    }
    raw.put(
        Table.META, Keys.digest(interval * Limits.DIGEST_INTERVAL), Rows.int64(applied.digest()));
    byte[] first = Keys.digest(0);
    byte[] outdated =
        Keys.digest(Math.max(0, (interval - Limits.DIGESTS_KEPT + 1) * Limits.DIGEST_INTERVAL));
    raw.range(Table.META, first, outdated, Limits.DIGESTS_KEPT)
        .forEach(row -> raw.delete(Table.META, row.key()));
  }
}
