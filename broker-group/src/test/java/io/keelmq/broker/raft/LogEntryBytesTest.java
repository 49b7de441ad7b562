package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.UnknownFieldSet;
import io.keelmq.broker.raft.LogEntryBytes.Placed;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Command.Candidates;
import io.keelmq.broker.state.Command.QueueOffset;
import io.keelmq.broker.state.Command.Run;
import io.keelmq.broker.state.Command.Settlement;
import io.keelmq.broker.state.Command.SettlementKind;
import io.keelmq.broker.state.CommandOrigin;
import io.keelmq.broker.state.GroupKind;
import io.keelmq.broker.state.GroupSettings;
import io.keelmq.broker.state.HeldId;
import io.keelmq.broker.state.LeaseId;
import io.keelmq.broker.state.OffsetSet;
import io.keelmq.broker.state.TopicType;
import io.keelmq.v1.log.GrantLeases;
import io.keelmq.v1.log.JoinReplica;
import io.keelmq.v1.log.LogCommand;
import io.keelmq.v1.log.LogEntryHeader;
import io.keelmq.v1.log.LogOffsets;
import io.keelmq.v1.log.PutTopic;
import io.keelmq.v1.log.RaiseFeatureLevel;
import io.keelmq.v1.log.RecordMembers;
import io.keelmq.v1.log.RunHeader;
import io.keelmq.v1.log.SendMessages;
import io.keelmq.v1.log.SettleLeases;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.api.Test;

class LogEntryBytesTest {

  private static final Optional<CommandOrigin> ORIGIN = Optional.of(new CommandOrigin(-5, 9));

  private static final List<Command> COMMANDS =
      List.of(
          new Command.CreateTopic("t", TopicType.FIFO, 4, 0),
          new Command.AlterTopic("t", OptionalInt.of(8), OptionalLong.empty()),
          new Command.AlterTopic("t", OptionalInt.empty(), OptionalLong.of(0)),
          new Command.DeleteTopic("t"),
          new Command.CreateConsumerGroup("g", GroupKind.LEASE),
          new Command.DeleteConsumerGroup("g"),
          new Command.CommitOffsets(
              "g", "t", 3, List.of(new QueueOffset(0, 7), new QueueOffset(2, Long.MAX_VALUE))),
          new Command.SeekOffsets("g", "t", List.of(new QueueOffset(1, 0))),
          new Command.RecallMessage("t", new HeldId(Long.MAX_VALUE, 7)),
          new Command.EndTransaction("t", new HeldId(5, 0), true),
          new Command.EndTransaction("t", new HeldId(-5, -1), false),
          new Command.HeardChecks(List.of()),
          new Command.HeardChecks(
              List.of(
                  new Command.HeardCheck(7, new HeldId(5, 3), 1),
                  new Command.HeardCheck(-1, new HeldId(-5, -1), Integer.MAX_VALUE))),
          new Command.CreateConsumerGroup("f", new GroupSettings(GroupKind.LEASE, true, 3, true)),
          new Command.SubscribeGroup("g", "t"),
          new Command.GrantLeases(
              "g",
              "t",
              1,
              2,
              "client",
              "attempt",
              30_000,
              List.of(
                  new Command.FromCursor(
                      4,
                      9,
                      List.of(
                          new Candidates(0, OffsetSet.of(4, 6, 7)),
                          new Candidates(-77, OffsetSet.of(8)))),
                  new Command.FromCursor(9, 9, List.of()),
                  new Command.FromReady(
                      new LeaseId(77, 3),
                      List.of(new Candidates(5, OffsetSet.range(0, 3))),
                      OffsetSet.of(3)),
                  new Command.FromReady(new LeaseId(0, 0), List.of(), OffsetSet.EMPTY))),
          new Command.SettleLeases(
              "g",
              "t",
              1,
              2,
              Arrays.stream(SettlementKind.values())
                  .map(
                      kind ->
                          new Settlement(
                              kind,
                              new LeaseId(Long.MAX_VALUE, Integer.MAX_VALUE),
                              kind == SettlementKind.ACK
                                  ? OffsetSet.EMPTY
                                  : OffsetSet.range(Long.MAX_VALUE - 5, 3),
                              // Another for each.
                              kind.name().length() * 1_000L))
                  .toList()),
          new Command.AdvanceTime(),
          new Command.RecordMembers(
              List.of(new Command.Founder("n1", "h:1", "h:2", Integer.MAX_VALUE))),
          new Command.JoinReplica("n1", "h:1", "h:2", -7),
          new Command.AnnounceReplica("n4", "h:1", "h:2", true),
          new Command.PromoteReplica("n4"),
          new Command.RetireReplica("n4"),
          new Command.ReplicaVotes("n4", 1_000_000_000),
          new Command.ReplicaLeft("n4", 0),
          new Command.RaiseLevel(2, "0.2.0"),
          new Command.RaiseLevel(Integer.MAX_VALUE, ""));

  @Test
  void tellsTheTimeOfAnEntryWithoutReadingTheRest() {
    for (long time : new long[] {1, 1_700_000_000_000L, Long.MAX_VALUE}) {
      ByteBuffer entry = LogEntryBytes.encode(time, List.of(), List.of());
      assertEquals(OptionalLong.of(time), LogEntryBytes.timeMillis(entry));
      assertEquals(0, entry.position());
    }
    assertEquals(
        OptionalLong.empty(), LogEntryBytes.timeMillis(ByteBuffer.wrap(new byte[] {9, 0, 0, 0})));
    ByteBuffer cut = LogEntryBytes.encode(1_700_000_000_000L, List.of(), List.of());
    for (int length = 0; length < cut.remaining(); length++) {
      assertEquals(OptionalLong.empty(), LogEntryBytes.timeMillis(cut.slice(0, length)));
    }
  }

  @Test
  void givesBackEveryCommand() {
    for (Optional<CommandOrigin> origin : List.of(ORIGIN, Optional.<CommandOrigin>empty())) {
      List<LogCommand> logged =
          COMMANDS.stream().map(command -> CommandEncoder.encode(origin, command)).toList();

      var decoded = LogEntryBytes.decode(1, LogEntryBytes.encode(1_234, logged, List.of()));

      assertEquals(1_234, decoded.timeMillis());
      assertEquals(
          COMMANDS.stream().map(command -> new Placed(origin, command)).toList(),
          decoded.commands());
    }
  }

  @Test
  void readsARiseToALevelOfALaterVersionAlsoWithWhatThatAdded() {
    var added =
        UnknownFieldSet.newBuilder()
            .addField(9, UnknownFieldSet.Field.newBuilder().addVarint(1).build())
            .build();
    var rise =
        RaiseFeatureLevel.newBuilder().setSoftwareVersion("9.9.9").setUnknownFields(added).build();

    assertEquals(new Command.RaiseLevel(9, "9.9.9"), decoded(rise.toBuilder().setLevel(9).build()));
    assertThrows(
        UnreadableEntryException.class, () -> decoded(rise.toBuilder().setLevel(2).build()));
    assertThrows(
        UnreadableEntryException.class,
        () -> decoded(RaiseFeatureLevel.newBuilder().setLevel(1).build()));
  }

  private static Command decoded(RaiseFeatureLevel rise) {
    var logged = LogCommand.newBuilder().setRaiseFeatureLevel(rise).build();
    ByteBuffer entry = LogEntryBytes.encode(1, List.of(logged), List.of());
    return LogEntryBytes.decode(1, entry).commands().get(0).command();
  }

  @Test
  void placesRunsWhereTheirRecordsAre() {
    var first =
        new Command.SendMessages(
            new Command.ProducerSequence("p", 1, 2),
            List.of(new Run("a", 0, 1, 0, 3, List.of()), new Run("b", 1, 2, 0, 4, List.of())));
    var second =
        new Command.SendMessages(
            new Command.ClientMessageIds("c"), List.of(new Run("a", 2, 1, 0, 2, List.of("id"))));
    var logged =
        List.of(
            CommandEncoder.encode(Optional.empty(), first), CommandEncoder.encode(ORIGIN, second));

    ByteBuffer entry =
        LogEntryBytes.encode(
            1, logged, List.of(bytes("xxx"), bytes("yyyy"), bytes("-zz-").slice(1, 2)));
    var decoded = LogEntryBytes.decode(1, entry);

    var runs = new ArrayList<Run>();
    decoded.commands().forEach(one -> runs.addAll(((Command.SendMessages) one.command()).runs()));
    assertEquals("xxx", textAt(entry, runs.get(0)));
    assertEquals("yyyy", textAt(entry, runs.get(1)));
    assertEquals("zz", textAt(entry, runs.get(2)));
    assertEquals(List.of("id"), runs.get(2).messageIds());
    assertEquals(0, entry.position());
    assertEquals(
        LogEntryBytes.encode(1, logged, List.of(bytes("xxx"), bytes("yyyy"), bytes("zz"))), entry);
  }

  @Test
  void givesBackWhenRunsGetTheirOffsets() {
    var placings =
        List.of(
            Command.Placing.AT_ONCE,
            Command.Placing.at(1_700_000_000_000L),
            Command.Placing.onCommit(0),
            Command.Placing.onCommit(90_000),
            new Command.Placing(-1, true, -1));
    var runs = placings.stream().map(one -> new Run("a", 0, 1, 0, 0, List.of(), one)).toList();
    var send = new Command.SendMessages(new Command.ProducerSequence("p", 1, 2), runs);

    var decoded =
        LogEntryBytes.decode(
            1,
            LogEntryBytes.encode(
                1, List.of(CommandEncoder.encode(Optional.empty(), send)), List.of()));

    var back = (Command.SendMessages) decoded.commands().get(0).command();
    assertEquals(placings, back.runs().stream().map(Run::placing).toList());
  }

  @Test
  void writesRunsThatGetTheirOffsetsAtOnceAsBefore() {
    var send =
        new Command.SendMessages(
            new Command.ProducerSequence("p", 1, 2), List.of(new Run("a", 0, 1, 0, 3, List.of())));

    RunHeader run = CommandEncoder.encode(Optional.empty(), send).getSendMessages().getRuns(0);

    assertEquals(RunHeader.newBuilder().setTopic("a").setCount(1).setRecordBytes(3).build(), run);
  }

  @Test
  void storesNonsenseForTheStateMachineToRefuse() {
    var nonsense = new Command.AlterTopic("t", OptionalInt.of(0), OptionalLong.of(-1));

    var decoded =
        LogEntryBytes.decode(
            1,
            LogEntryBytes.encode(
                1, List.of(CommandEncoder.encode(Optional.empty(), nonsense)), List.of()));

    var altered = (Command.AlterTopic) decoded.commands().get(0).command();
    assertTrue(altered.queues().getAsInt() < 1);
    assertTrue(altered.retentionMillis().getAsLong() < 0);
  }

  @Test
  void refusesANewerFormat() {
    ByteBuffer entry = LogEntryBytes.encode(1, List.of(), List.of());
    entry.put(0, (byte) 2);

    assertUnreadable(entry, "format 2");
  }

  @Test
  void refusesCommandsAndFieldsItDoesNotKnow() {
    var future =
        UnknownFieldSet.newBuilder()
            .addField(77, UnknownFieldSet.Field.newBuilder().addVarint(1).build())
            .build();
    var send = CommandEncoder.encode(Optional.empty(), COMMANDS.get(0));

    assertUnreadable(entry(LogCommand.newBuilder().setUnknownFields(future)), "77");
    assertUnreadable(entry(LogCommand.newBuilder()), "without content");
    assertUnreadable(
        entry(
            send.toBuilder().setPutTopic(send.getPutTopic().toBuilder().setUnknownFields(future))),
        "PutTopic");
    assertUnreadable(
        entry(
            LogCommand.newBuilder()
                .setJoinReplica(JoinReplica.newBuilder().setUnknownFields(future))),
        "JoinReplica");
    assertUnreadable(
        entry(
            LogCommand.newBuilder()
                .setRecordMembers(
                    RecordMembers.newBuilder()
                        .addFounders(RecordMembers.Founder.newBuilder().setUnknownFields(future)))),
        "Founder");
    assertUnreadable(
        entry(
            LogCommand.newBuilder()
                .setPutTopic(PutTopic.newBuilder().setTopic("t").setTypeValue(99))),
        "99");
    assertUnreadable(entry(LogCommand.newBuilder().setSettleLeases(settlement(98, 1))), "kind 98");
    assertUnreadable(entry(LogCommand.newBuilder().setSettleLeases(settlement(1, -1))), "offsets");
    assertUnreadable(
        entry(
            LogCommand.newBuilder()
                .setGrantLeases(
                    GrantLeases.newBuilder()
                        .addGrants(GrantLeases.Grant.newBuilder().setUnknownFields(future)))),
        "77");
    assertUnreadable(
        entry(LogCommand.newBuilder().setSendMessages(SendMessages.getDefaultInstance())),
        "repeats");
    assertUnreadable(encoded(LogEntryHeader.newBuilder().setUnknownFields(future).build()), "77");
    assertUnreadable(encoded(LogEntryHeader.newBuilder().setTimeMillis(-1).build()), "-1");
  }

  @Test
  void refusesPayloadThatTheHeaderDoesNotAccountFor() {
    var command =
        CommandEncoder.encode(
            Optional.empty(),
            new Command.SendMessages(
                new Command.ClientMessageIds("c"),
                List.of(new Run("a", 0, 1, 0, 3, List.of("id")))));

    assertUnreadable(LogEntryBytes.encode(1, List.of(command), List.of()), "accounts for");
    assertUnreadable(
        LogEntryBytes.encode(1, List.of(command), List.of(bytes("xxxx"))), "accounts for");
  }

  @Test
  void refusesRandomBytesWithItsOwnExceptionOnly() {
    long seed = Long.getLong("seed", 20_261_122);
    System.out.println("LogEntryBytesTest seed=" + seed);
    var random = new Random(seed);
    byte[] whole =
        LogEntryBytes.encode(
                1,
                COMMANDS.stream().map(one -> CommandEncoder.encode(ORIGIN, one)).toList(),
                List.of())
            .array();
    int unreadable = 0;
    int rounds = 5_000;
    for (int i = 0; i < rounds; i++) {
      byte[] bytes = i % 2 == 0 ? whole.clone() : new byte[random.nextInt(64)];
      if (i % 2 == 0) {
        bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
      } else {
        random.nextBytes(bytes);
        if (bytes.length > 4) {
          // Past the format and into the header, or nothing but the first check is tried.
          ByteBuffer.wrap(bytes).put(LogEntryBytes.FORMAT).putInt(random.nextInt(bytes.length));
        }
      }
      try {
        LogEntryBytes.decode(1, ByteBuffer.wrap(bytes).asReadOnlyBuffer());
      } catch (UnreadableEntryException e) {
        unreadable++;
      }
    }
    assertTrue(unreadable > rounds / 2, unreadable + " of " + rounds);
  }

  private static SettleLeases settlement(int kind, long gap) {
    return SettleLeases.newBuilder()
        .addSettlements(
            SettleLeases.Settlement.newBuilder()
                .setKindValue(kind)
                .setOffsets(LogOffsets.newBuilder().addGapsAndCounts(gap).addGapsAndCounts(1)))
        .build();
  }

  private static ByteBuffer entry(LogCommand.Builder command) {
    return LogEntryBytes.encode(1, List.of(command.build()), List.of());
  }

  private static ByteBuffer encoded(LogEntryHeader header) {
    byte[] bytes = header.toByteArray();
    return ByteBuffer.allocate(LogEntryBytes.PREFIX_BYTES + bytes.length)
        .put(LogEntryBytes.FORMAT)
        .putInt(bytes.length)
        .put(bytes)
        .flip();
  }

  private static void assertUnreadable(ByteBuffer entry, String told) {
    var refusal =
        assertThrows(UnreadableEntryException.class, () -> LogEntryBytes.decode(5, entry));
    assertTrue(refusal.getMessage().contains("entry 5"), refusal.getMessage());
    assertTrue(refusal.getMessage().contains(told), refusal.getMessage());
  }

  private static ByteBuffer bytes(String text) {
    return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
  }

  private static String textAt(ByteBuffer entry, Run run) {
    return StandardCharsets.UTF_8.decode(entry.slice(run.position(), run.bytes())).toString();
  }
}
