package io.keelmq.broker.raft;

import io.keelmq.broker.state.BodyAddress;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.HeldId;
import io.keelmq.v1.log.LogBody;
import io.keelmq.v1.log.LogHeldId;
import io.keelmq.v1.log.LogHeldKey;
import io.keelmq.v1.log.LogRunKey;
import io.keelmq.v1.log.LogTrim;
import io.keelmq.v1.log.RelocateBodies;
import io.keelmq.v1.log.TrimQueues;
import java.util.ArrayList;
import java.util.List;

/** The commands that make room, to and from their form in the log. Stateless. */
final class RetentionCodec {

  private RetentionCodec() {}

  static RelocateBodies encode(Command.RelocateBodies relocate) {
    var log = RelocateBodies.newBuilder();
    for (Command.Body body : relocate.bodies()) {
      var to =
          LogBody.newBuilder()
              .setFromLogIndex(body.from().logIndex())
              .setFromPosition(body.from().position())
              .setRecordBytes(body.bytes());
      for (Command.RunKey run : body.runs()) {
        to.addRuns(
            LogRunKey.newBuilder()
                .setTopicId(run.topicId())
                .setQueue(run.queue())
                .setFirstOffset(run.firstOffset()));
      }
      for (Command.HeldKey held : body.held()) {
        to.addHeld(
            LogHeldKey.newBuilder()
                .setTopicId(held.topicId())
                .setHeld(
                    LogHeldId.newBuilder()
                        .setLogIndex(held.held().logIndex())
                        .setPosition(held.held().position())));
      }
      log.addBodies(to);
    }
    return log.build();
  }

  static TrimQueues encode(Command.TrimQueues trims) {
    var log = TrimQueues.newBuilder();
    for (Command.Trim trim : trims.trims()) {
      var to =
          LogTrim.newBuilder()
              .setTopicId(trim.topicId())
              .setQueue(trim.queue())
              .setToOffset(trim.toOffset());
      if (trim.reason() instanceof Command.BySize size) {
        to.setRetentionBytes(size.retentionBytes());
      } else if (trim.reason() instanceof Command.ByDisk disk) {
        to.setKeepMillis(disk.keepMillis());
      }
      log.addTrims(to);
    }
    return log.build();
  }

  /**
   * @param position of the body's copy, in bytes from the start of the entry
   */
  static Command.Body body(long index, LogBody body, int position) {
    CommandDecoder.refuseUnknownFields(index, body);
    List<Command.RunKey> runs = new ArrayList<>(body.getRunsCount());
    for (LogRunKey run : body.getRunsList()) {
      CommandDecoder.refuseUnknownFields(index, run);
      runs.add(new Command.RunKey(run.getTopicId(), run.getQueue(), run.getFirstOffset()));
    }
    List<Command.HeldKey> held = new ArrayList<>(body.getHeldCount());
    for (LogHeldKey key : body.getHeldList()) {
      CommandDecoder.refuseUnknownFields(index, key);
      CommandDecoder.refuseUnknownFields(index, key.getHeld());
      held.add(
          new Command.HeldKey(
              key.getTopicId(),
              new HeldId(key.getHeld().getLogIndex(), key.getHeld().getPosition())));
    }
    return new Command.Body(
        new BodyAddress(body.getFromLogIndex(), body.getFromPosition()),
        position,
        body.getRecordBytes(),
        runs,
        held);
  }

  /**
   * @throws UnreadableEntryException if a trim does not say why
   */
  static Command.TrimQueues decode(long index, TrimQueues log) {
    CommandDecoder.refuseUnknownFields(index, log);
    List<Command.Trim> trims = new ArrayList<>(log.getTrimsCount());
    for (LogTrim trim : log.getTrimsList()) {
      CommandDecoder.refuseUnknownFields(index, trim);
      trims.add(
          new Command.Trim(
              trim.getTopicId(), trim.getQueue(), trim.getToOffset(), reason(index, trim)));
    }
    return new Command.TrimQueues(trims);
  }

  private static Command.TrimReason reason(long index, LogTrim trim) {
    return switch (trim.getReasonCase()) {
      case RETENTION_BYTES -> new Command.BySize(trim.getRetentionBytes());
      case KEEP_MILLIS -> new Command.ByDisk(trim.getKeepMillis());
      case REASON_NOT_SET ->
          throw new UnreadableEntryException(
              "entry %d: a trim that does not say why".formatted(index));
    };
  }
}
