package io.keelmq.broker.state;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The group's members: who they are, where they are, and which incarnation of each counts.
 *
 * <p>Who votes is decided by Raft's configuration entries in the same log. These rows hold what
 * Raft does not know, and what is under way: they are written before Raft's configuration is
 * changed, and again after, so that the next leader can go on where the last one stopped.
 *
 * <p>Incarnations are given here and nowhere else after the group's beginning, each one higher than
 * all before, so none is ever given twice. Owned by the apply thread.
 */
public final class Members {

  /**
   * A node's place in the group.
   *
   * @param voting the incarnation that votes; 0: none does
   * @param joining the incarnation that was given last and does not vote yet; 0: none
   * @param bootId of the process that {@code joining} was given to
   * @param staysLearner {@code joining} shall not vote until somebody says so
   * @param leaving nothing of the node shall be left
   */
  public record Seat(
      String node,
      String raftAddress,
      String clientAddress,
      int voting,
      int joining,
      long bootId,
      boolean staysLearner,
      boolean leaving) {

    Seat withJoining(String newClientAddress, int incarnation, long newBootId) {
      return new Seat(
          node,
          raftAddress,
          newClientAddress,
          voting,
          incarnation,
          newBootId,
          staysLearner,
          leaving);
    }

    Seat withVoting(int incarnation) {
      return new Seat(node, raftAddress, clientAddress, incarnation, 0, bootId, false, leaving);
    }

    Seat withStaysLearner(boolean stays) {
      return new Seat(node, raftAddress, clientAddress, voting, joining, bootId, stays, leaving);
    }

    Seat withLeaving() {
      return new Seat(
          node, raftAddress, clientAddress, voting, joining, bootId, staysLearner, true);
    }

    /** Announced, and the replica has not come yet. */
    public boolean announced() {
      return voting == 0 && joining == 0;
    }

    /** What is under way with this node, for a message; empty when it rests. */
    public Optional<String> underWay() {
      if (leaving) {
        return Optional.of(node + " is being removed");
      }
      if (announced()) {
        return Optional.of(node + " was added and has not come yet");
      }
      return joining != 0 && !staysLearner
          ? Optional.of(node + " joins as incarnation " + joining)
          : Optional.empty();
    }
  }

  private static final int STAYS_LEARNER = 1;
  private static final int LEAVING = 2;

  private final Tables tables;

  Members(Tables tables) {
    this.tables = tables;
  }

  static List<Seat> all(TableReads tables) {
    byte[] prefix = Keys.prefix('M');
    var seats = new ArrayList<Seat>();
    for (var row : tables.range(Table.CATALOG, prefix, Keys.after(prefix), Limits.MAX_MEMBERS)) {
      seats.add(read(new RowReader(row.key()).skip(1).text(), row.value()));
    }
    // Keys have the name's length in front.
    seats.sort((a, b) -> a.node().compareTo(b.node()));
    return seats;
  }

  /**
   * For a backup that becomes another cluster, whose members nobody has recorded yet. Not a
   * command: it is done once, before the rows are given to any replica.
   */
  public static void forgetAll(Tables tables) {
    all(tables).forEach(seat -> tables.delete(Table.CATALOG, Keys.member(seat.node())));
    tables.delete(Table.CATALOG, Keys.INCARNATION);
  }

  static Optional<Seat> find(TableReads tables, String node) {
    return tables.get(Table.CATALOG, Keys.member(node)).map(row -> read(node, row));
  }

  Outcome apply(Command.Membership command) {
    if (command instanceof Command.RecordMembers record) {
      return record(record);
    } else if (command instanceof Command.JoinReplica join) {
      return join(join);
    } else if (command instanceof Command.AnnounceReplica announce) {
      return announce(announce);
    } else if (command instanceof Command.PromoteReplica promote) {
      return promote(promote.node());
    } else if (command instanceof Command.RetireReplica retire) {
      return retire(retire.node());
    } else if (command instanceof Command.ReplicaVotes votes) {
      return votes(votes);
    } else if (command instanceof Command.ReplicaLeft left) {
      return left(left);
    }
    throw new IllegalStateException("no rule for " + command.getClass());
  }

  private Outcome record(Command.RecordMembers command) {
    if (!all(tables).isEmpty()) {
      return Outcome.of(new Reply.Done());
    }
    if (command.founders().isEmpty() || command.founders().size() > Limits.MAX_MEMBERS) {
      return Outcome.rejected(
          Rejection.INVALID,
          command.founders().size() + " members: expected 1 to " + Limits.MAX_MEMBERS);
    }
    int highest = 0;
    for (var founder : command.founders()) {
      Optional<Outcome> flaw = flaw(founder.node(), founder.raftAddress(), founder.clientAddress());
      if (flaw.isPresent()) {
        return flaw.get();
      }
      if (founder.incarnation() < Limits.LEAST_INCARNATION) {
        return Outcome.rejected(
            Rejection.INVALID,
            "incarnation %d of %s: expected %d or more"
                .formatted(founder.incarnation(), founder.node(), Limits.LEAST_INCARNATION));
      }
      highest = Math.max(highest, founder.incarnation());
    }
    for (var founder : command.founders()) {
      put(
          new Seat(
              founder.node(),
              founder.raftAddress(),
              founder.clientAddress(),
              founder.incarnation(),
              0,
              0,
              false,
              false));
    }
    tables.put(Table.CATALOG, Keys.INCARNATION, Rows.int64(highest));
    return changed();
  }

  private Outcome join(Command.JoinReplica command) {
    Optional<Seat> found = find(tables, command.node());
    if (found.isEmpty()) {
      return noMember(command.node());
    }
    Seat seat = found.get();
    if (seat.leaving()) {
      return refused(command.node() + " is being removed: add it again when it is gone");
    }
    if (!seat.raftAddress().equals(command.raftAddress())) {
      return refused(
          "%s has raft address %s in the group and comes with %s: a replica cannot move, remove it and add it anew"
              .formatted(command.node(), seat.raftAddress(), command.raftAddress()));
    }
    Optional<Outcome> flaw = flaw(command.node(), command.raftAddress(), command.clientAddress());
    if (flaw.isPresent()) {
      return flaw.get();
    }
    if (seat.joining() != 0 && seat.bootId() == command.bootId()) {
      return Outcome.of(new Reply.Done());
    }
    long next = Rows.int64(tables.get(Table.CATALOG, Keys.INCARNATION), 0) + 1;
    if (next > Integer.MAX_VALUE) {
      return refused("all incarnations up to " + Integer.MAX_VALUE + " are used");
    }
    tables.put(Table.CATALOG, Keys.INCARNATION, Rows.int64(next));
    put(seat.withJoining(command.clientAddress(), (int) next, command.bootId()));
    return changed();
  }

  private Outcome announce(Command.AnnounceReplica command) {
    Optional<Outcome> flaw = flaw(command.node(), command.raftAddress(), command.clientAddress());
    if (flaw.isPresent()) {
      return flaw.get();
    }
    List<Seat> seats = all(tables);
    var announced =
        new Seat(
            command.node(),
            command.raftAddress(),
            command.clientAddress(),
            0,
            0,
            0,
            command.staysLearner(),
            false);
    Optional<Seat> found = find(tables, command.node());
    if (found.isPresent() && !found.get().equals(announced)) {
      return refused(
          found
              .get()
              .underWay()
              .orElse(command.node() + " is a member already, at " + found.get().raftAddress()));
    }
    for (Seat seat : seats) {
      if (!seat.node().equals(command.node()) && seat.raftAddress().equals(command.raftAddress())) {
        return refused(
            "raft address %s is that of member %s".formatted(seat.raftAddress(), seat.node()));
      }
    }
    Optional<Outcome> running = otherUnderWay(seats, command.node());
    if (running.isPresent()) {
      return running.get();
    }
    if (seats.isEmpty()) {
      return refused("the group's members are not recorded yet");
    }
    if (found.isEmpty() && seats.size() >= Limits.MAX_MEMBERS) {
      return refused(
          "the group has %d members, more do not fit: remove one first".formatted(seats.size()));
    }
    put(announced);
    return changed();
  }

  private Outcome promote(String node) {
    Optional<Seat> found = find(tables, node);
    if (found.isEmpty()) {
      return noMember(node);
    }
    if (found.get().leaving()) {
      return refused(node + " is being removed");
    }
    if (!found.get().staysLearner()) {
      return Outcome.of(new Reply.Done());
    }
    Optional<Outcome> running = otherUnderWay(all(tables), node);
    if (running.isPresent()) {
      return running.get();
    }
    put(found.get().withStaysLearner(false));
    return changed();
  }

  private Outcome retire(String node) {
    Optional<Seat> found = find(tables, node);
    if (found.isEmpty()) {
      return noMember(node);
    }
    if (found.get().leaving()) {
      return Outcome.of(new Reply.Done());
    }
    List<Seat> seats = all(tables);
    Optional<Outcome> running = otherUnderWay(seats, node);
    if (running.isPresent()) {
      return running.get();
    }
    if (seats.stream().noneMatch(seat -> seat.voting() != 0 && !seat.node().equals(node))) {
      return refused(node + " is the only voter: a group cannot be without one");
    }
    put(found.get().withLeaving());
    return changed();
  }

  private Outcome votes(Command.ReplicaVotes command) {
    Optional<Seat> found = find(tables, command.node());
    if (found.isEmpty() || found.get().joining() != command.incarnation()) {
      // Told again, or overtaken by a newer incarnation.
      return Outcome.of(new Reply.Done());
    }
    put(found.get().withVoting(command.incarnation()));
    return changed();
  }

  private Outcome left(Command.ReplicaLeft command) {
    Optional<Seat> found = find(tables, command.node());
    if (found.isPresent() && found.get().leaving()) {
      tables.delete(Table.CATALOG, Keys.member(command.node()));
      return changed();
    }
    if (found.isEmpty()
        || command.incarnation() == 0
        || found.get().joining() != command.incarnation()) {
      return Outcome.of(new Reply.Done());
    }
    put(found.get().withJoining(found.get().clientAddress(), 0, 0));
    return changed();
  }

  /** Members change one at a time; what is under way with the node itself is no hindrance. */
  private static Optional<Outcome> otherUnderWay(List<Seat> seats, String node) {
    return seats.stream()
        .filter(seat -> !seat.node().equals(node))
        .flatMap(seat -> seat.underWay().stream())
        .findFirst()
        .map(
            what ->
                refused(
                    "another change of members is under way: "
                        + what
                        + "; wait for it, or remove that node"));
  }

  private static Outcome noMember(String node) {
    return refused(
        "%s is no member of the group: `keelmq cluster add %s --raft HOST:PORT --client HOST:PORT` lets it join"
            .formatted(node, node));
  }

  private static Outcome refused(String why) {
    return Outcome.rejected(Rejection.MEMBERSHIP, why);
  }

  private static Optional<Outcome> flaw(String node, String raftAddress, String clientAddress) {
    if (!Names.isPrintable(node, Limits.MAX_NODE_NAME)) {
      return Optional.of(
          Outcome.rejected(
              Rejection.INVALID,
              "node \"%s\": expected 1 to %d printable characters"
                  .formatted(node, Limits.MAX_NODE_NAME)));
    }
    for (String address : List.of(raftAddress, clientAddress)) {
      if (!Names.isPrintable(address, 255) || address.indexOf(':') < 1) {
        return Optional.of(
            Outcome.rejected(
                Rejection.INVALID,
                "address \"%s\" of %s: expected host:port".formatted(address, node)));
      }
    }
    return Optional.empty();
  }

  private static Outcome changed() {
    return Outcome.of(new Reply.Done(), new Effect.MembersChanged());
  }

  private void put(Seat seat) {
    tables.put(Table.CATALOG, Keys.member(seat.node()), row(seat));
  }

  private static byte[] row(Seat seat) {
    return new RowWriter(21 + seat.raftAddress().length() + seat.clientAddress().length())
        .text(seat.raftAddress())
        .text(seat.clientAddress())
        .int32(seat.voting())
        .int32(seat.joining())
        .int64(seat.bootId())
        .int8((seat.staysLearner() ? STAYS_LEARNER : 0) | (seat.leaving() ? LEAVING : 0))
        .done();
  }

  private static Seat read(String node, byte[] row) {
    var in = new RowReader(row);
    String raftAddress = in.text();
    String clientAddress = in.text();
    int voting = in.int32();
    int joining = in.int32();
    long bootId = in.int64();
    int flags = in.int8();
    return new Seat(
        node,
        raftAddress,
        clientAddress,
        voting,
        joining,
        bootId,
        (flags & STAYS_LEARNER) != 0,
        (flags & LEAVING) != 0);
  }
}
