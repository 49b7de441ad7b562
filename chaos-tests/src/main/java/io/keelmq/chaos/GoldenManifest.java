package io.keelmq.chaos;

import io.keelmq.broker.raft.RaftReplica;
import io.keelmq.broker.state.Members.Seat;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.StateView.Batch;
import io.keelmq.broker.state.StateView.ConsumerGroup;
import io.keelmq.broker.state.StateView.HeldRun;
import io.keelmq.broker.state.StateView.Progress;
import io.keelmq.broker.state.StateView.StoredRun;
import io.keelmq.broker.state.Topic;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * All that can be seen of a replica's state, in lines that stay the same from version to version: a
 * line for each topic, run (with a checksum of the bytes of its messages), held run, consumer
 * group, lease, member and producer, and the digest of it all. Stateless.
 */
final class GoldenManifest {

  private static final int MOST = 10_000;

  private final StateView state;
  private final RaftReplica replica;
  private final List<String> lines = new ArrayList<>();

  private GoldenManifest(RaftReplica replica) {
    this.replica = replica;
    this.state = replica.state();
  }

  static List<String> of(RaftReplica replica) {
    var manifest = new GoldenManifest(replica);
    manifest.topics();
    manifest.groups();
    manifest.rest();
    return manifest.lines;
  }

  private void topics() {
    for (Topic topic : state.topics()) {
      line(
          "topic %s id %d type %s queues %d retention %d",
          topic.name(), topic.id(), topic.type(), topic.queues(), topic.retentionMillis());
      for (int queue = 0; queue < topic.queues(); queue++) {
        var bounds = state.bounds(topic.id(), queue);
        line("  queue %d from %d to %d", queue, bounds.firstOffset(), bounds.endOffset());
        for (StoredRun run : state.runs(topic.id(), queue, bounds.firstOffset(), MOST)) {
          line(
              "    run %d count %d at %d %d skip %d time %d of %s bytes %s",
              run.firstOffset(),
              run.count(),
              run.logIndex(),
              run.position(),
              run.skip(),
              run.timeMillis(),
              run.source().map(StateView.Source::offset),
              bytes(run));
        }
      }
      for (HeldRun held : state.held(topic.id(), Optional.empty(), MOST)) {
        line(
            "  held %s queue %d half %s due %d checks %d bytes %s",
            held.id(),
            held.queue(),
            held.half(),
            held.dueMillis(),
            held.checks(),
            bytes(held.run()));
      }
    }
  }

  /** Read through the log, as a reader gets them. */
  private String bytes(StoredRun run) {
    ByteBuffer entry = replica.log().entry(run.logIndex()).orElseThrow();
    var checksum = new CRC32C();
    checksum.update(entry.slice(run.position(), run.bytes()));
    return "%d %08x".formatted(run.bytes(), checksum.getValue());
  }

  private void groups() {
    for (ConsumerGroup group : state.consumerGroups()) {
      var settings = group.settings();
      line(
          "group %s id %d kind %s fifo %s attempts %d latest %s",
          group.name(),
          group.id(),
          settings.kind(),
          settings.fifo(),
          settings.maxAttempts(),
          settings.fromLatest());
      for (Progress progress : state.progress(group.name())) {
        line(
            "  topic %d queue %d epoch %d committed %d",
            progress.topicId(), progress.queue(), progress.epoch(), progress.committedOffset());
      }
      for (Topic topic : state.topics()) {
        for (int queue = 0; queue < topic.queues(); queue++) {
          leases(group, topic, queue);
        }
      }
    }
  }

  private void leases(ConsumerGroup group, Topic topic, int queue) {
    var cursor = state.cursor(group.id(), topic.id(), queue);
    if (cursor.isEmpty()) {
      return;
    }
    line(
        "  %s queue %d generation %d next %d batches %d leased %d ready %d blocked %d",
        topic.name(),
        queue,
        cursor.get().generation(),
        cursor.get().nextOffset(),
        cursor.get().batches(),
        cursor.get().leased(),
        cursor.get().ready(),
        cursor.get().blocked());
    line("    lowest %d", state.lowestOutstanding(group.id(), topic.id(), queue));
    for (Batch batch : state.leased(group.id(), topic.id(), queue, Optional.empty(), MOST)) {
      line("    leased %s", text(batch));
    }
    for (Batch batch : state.ready(group.id(), topic.id(), queue, 0, MOST)) {
      line("    ready %s", text(batch));
    }
    for (long hash : new long[] {11, 12}) {
      line(
          "    message group %d held %s",
          hash, state.messageGroupHeld(group.id(), topic.id(), queue, hash));
    }
  }

  private static String text(Batch batch) {
    return "%s %s attempt %d hash %d client %s until %d"
        .formatted(
            batch.id(),
            batch.offsets(),
            batch.attempt(),
            batch.messageGroupHash(),
            batch.clientId(),
            batch.deadlineMillis());
  }

  private void rest() {
    state
        .producer("golden-producer")
        .ifPresent(found -> line("producer %d %d", found.epoch(), found.lastSequence()));
    line("held %d", state.heldCounts().waiting());
    line("due %d", state.nextDueMillis().orElse(0));
    for (Seat seat : state.members()) {
      line("member %s %s votes %d", seat.node(), seat.raftAddress(), seat.voting());
    }
    state.digests().forEach(at -> line("digest %d %016x", at.index(), at.digest()));
    line("digest of all %016x", state.applied().digest());
  }

  private void line(String format, Object... values) {
    lines.add(String.format(Locale.ROOT, format, values));
  }
}
