package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.keelmq.broker.Proposal;
import io.keelmq.broker.raft.LogEntryBytes.Placed;
import io.keelmq.broker.state.BodyAddress;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Command.Body;
import io.keelmq.broker.state.Command.ByDisk;
import io.keelmq.broker.state.Command.BySize;
import io.keelmq.broker.state.Command.HeldKey;
import io.keelmq.broker.state.Command.RunKey;
import io.keelmq.broker.state.Command.Trim;
import io.keelmq.broker.state.HeldId;
import io.keelmq.broker.state.TopicType;
import io.keelmq.v1.log.LogBody;
import io.keelmq.v1.log.LogCommand;
import io.keelmq.v1.log.LogTrim;
import io.keelmq.v1.log.RelocateBodies;
import io.keelmq.v1.log.TrimQueues;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** What makes room, as it stands in the log. */
class RetentionCodecTest {

  private static final ByteBuffer FIRST = ByteBuffer.wrap(new byte[] {2, 7, 8});
  private static final ByteBuffer SECOND = ByteBuffer.wrap(new byte[] {1, 9});

  private static Command.RelocateBodies relocation(int firstPosition, int secondPosition) {
    return new Command.RelocateBodies(
        List.of(
            new Body(
                new BodyAddress(Long.MAX_VALUE, Integer.MAX_VALUE),
                firstPosition,
                3,
                List.of(new RunKey(5, 1, 7), new RunKey(6, 0, Long.MAX_VALUE)),
                List.of()),
            new Body(
                new BodyAddress(4, 0),
                secondPosition,
                2,
                List.of(),
                List.of(new HeldKey(9, new HeldId(4, 0))))));
  }

  private static Command only(LogCommand command) {
    ByteBuffer entry = LogEntryBytes.encode(1, List.of(command), List.of());
    return LogEntryBytes.decode(7, entry).commands().get(0).command();
  }

  @Test
  void bodiesLieBehindTheRecordsOfEarlierCommands() {
    ByteBuffer sent = ByteBuffer.wrap(new byte[] {1, 5});
    var send = ReplicaCluster.sendCommand("p", 1, 2);

    ByteBuffer entry =
        LogEntryBytes.encode(
            1,
            List.of(
                CommandEncoder.encode(Optional.empty(), send),
                CommandEncoder.encode(Optional.empty(), relocation(0, 0)),
                CommandEncoder.encode(Optional.empty(), send)),
            List.of(sent, FIRST, SECOND, sent));

    List<Placed> read = LogEntryBytes.decode(7, entry).commands();
    int payload = entry.limit() - 9;
    assertEquals(relocation(payload + 2, payload + 5), read.get(1).command());
    byte[] copy = new byte[3];
    entry.get(payload + 2, copy);
    assertArrayEquals(FIRST.array(), copy);
    var last = (Command.SendMessages) read.get(2).command();
    assertEquals(payload + 7, last.runs().get(0).position());
  }

  @Test
  void trimsAndSizesOfTopicsComeBackAsTheyWere() {
    for (Command command :
        List.of(
            new Command.TrimQueues(
                List.of(
                    new Trim(1, 2, Long.MAX_VALUE, new BySize(1L << 40)),
                    new Trim(1, 0, 0, new ByDisk(0)))),
            new Command.CreateTopic("t", TopicType.NORMAL, 1, 5, 6),
            new Command.AlterTopic(
                "t", OptionalInt.empty(), OptionalLong.empty(), OptionalLong.of(0)),
            new Command.AlterTopic(
                "t", OptionalInt.of(1), OptionalLong.of(2), OptionalLong.of(3)))) {
      assertEquals(command, only(CommandEncoder.encode(Optional.empty(), command)));
    }
  }

  @Test
  void aTopicWithoutASizeIsWrittenAsBeforeThereWereAny() {
    LogCommand create =
        CommandEncoder.encode(
            Optional.empty(), new Command.CreateTopic("t", TopicType.NORMAL, 1, 5));
    LogCommand alter =
        CommandEncoder.encode(
            Optional.empty(), new Command.AlterTopic("t", OptionalInt.of(1), OptionalLong.empty()));

    assertFalse(create.getPutTopic().hasRetentionBytes());
    assertFalse(alter.getPutTopic().hasRetentionBytes());
  }

  @Test
  void refusesWhatCannotBe() {
    var negative =
        LogCommand.newBuilder()
            .setRelocateBodies(
                RelocateBodies.newBuilder().addBodies(LogBody.newBuilder().setRecordBytes(-1)))
            .build();
    assertThrows(UnreadableEntryException.class, () -> only(negative));
    var tooFew =
        LogCommand.newBuilder()
            .setRelocateBodies(
                RelocateBodies.newBuilder().addBodies(LogBody.newBuilder().setRecordBytes(1)))
            .build();
    assertThrows(UnreadableEntryException.class, () -> only(tooFew));
    var noReason =
        LogCommand.newBuilder()
            .setTrimQueues(TrimQueues.newBuilder().addTrims(LogTrim.newBuilder().setTopicId(1)))
            .build();
    assertThrows(UnreadableEntryException.class, () -> only(noReason));
  }

  @Test
  void aProposalHasTheBytesThatItsBodiesTellOf() {
    var fits =
        new Proposal(Optional.empty(), relocation(0, 0), List.of(FIRST, SECOND), outcome -> {});
    assertEquals(5, fits.recordBytes());
    new PendingCommand(fits);

    var lacks = new Proposal(Optional.empty(), relocation(0, 0), List.of(FIRST), outcome -> {});
    assertThrows(IllegalArgumentException.class, () -> new PendingCommand(lacks));
  }
}
