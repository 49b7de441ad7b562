package io.keelmq.broker.api;

import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.LeaseId;
import io.keelmq.broker.state.Limits;
import io.keelmq.broker.state.OffsetSet;
import io.keelmq.broker.state.StateView.Batch;
import io.keelmq.broker.state.StateView.StoredRun;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongPredicate;

/**
 * A {@link GrantPlan} in the making: grants one after the other, and how much still fits. Owned by
 * the planner's pass.
 */
final class GrantDraft {

  private final int wantedMessages;
  private final long wantedBytes;
  // Whether a message group is held by a lease outside this draft.
  private final LongPredicate held;

  private final List<Command.Grant> grants = new ArrayList<>();
  private final List<List<StoredRun>> runs = new ArrayList<>();
  private final List<LeaseId> ready = new ArrayList<>();
  private final Set<Long> hashes = new HashSet<>();
  private boolean fromCursor;
  private int messages;
  private int blocked;
  private int parts;
  private long bytes;

  // Of the grant that is being put together.
  private final Map<Long, OffsetSet.Builder> candidates = new LinkedHashMap<>();
  private final Set<Long> blockedHashes = new HashSet<>();

  /**
   * @param wantedBytes at which a draft is full; the first message always fits
   */
  GrantDraft(int wantedMessages, long wantedBytes, LongPredicate held) {
    this.wantedMessages = wantedMessages;
    this.wantedBytes = wantedBytes;
    this.held = held;
  }

  boolean isEmpty() {
    return grants.isEmpty();
  }

  boolean hasRoom() {
    return messages < wantedMessages
        && messages + blocked < Limits.MAX_GRANT_MESSAGES
        // One for a new grant and one for its candidates.
        && parts + candidates.size() + 2 <= Limits.MAX_GRANT_PARTS
        && (bytes < wantedBytes || messages == 0);
  }

  int messagesLeft() {
    return wantedMessages - messages;
  }

  long bytesLeft() {
    return wantedBytes - bytes;
  }

  /**
   * Adds messages without a message group, or of a group that is not FIFO, to the present grant.
   */
  void addRange(long first, long end, long moreBytes) {
    candidates
        .computeIfAbsent(MessageGroupHash.NONE, none -> new OffsetSet.Builder())
        .add(first, end);
    messages += (int) (end - first);
    bytes += moreBytes;
  }

  /** Adds one message of a FIFO group, deliverable or not, to the present grant. */
  void addOne(long hash, long offset, int moreBytes) {
    if (hash == MessageGroupHash.NONE) {
      addRange(offset, offset + 1, moreBytes);
      return;
    }
    boolean isNew = !candidates.containsKey(hash);
    candidates.computeIfAbsent(hash, none -> new OffsetSet.Builder()).add(offset, offset + 1);
    if (isNew && (hashes.contains(hash) || held.test(hash))) {
      blockedHashes.add(hash);
    }
    if (blockedHashes.contains(hash)) {
      // The state machine puts it where it waits for its turn, and it costs the consumer nothing.
      blocked++;
    } else {
      messages++;
      bytes += moreBytes;
    }
  }

  /** Adds one message of the message group whose batch the present grant is from. */
  void addOf(long hash, long offset, int moreBytes) {
    candidates.computeIfAbsent(hash, none -> new OffsetSet.Builder()).add(offset, offset + 1);
    messages++;
    bytes += moreBytes;
  }

  boolean hasCandidates() {
    return !candidates.isEmpty();
  }

  /** Ends the present grant. */
  void endFromCursor(long from, long to, List<StoredRun> itsRuns) {
    end(new Command.FromCursor(from, to, takeCandidates()), itsRuns);
    fromCursor = true;
  }

  /**
   * Takes from a batch whose message group is known.
   *
   * @param take what is to be leased of it
   */
  void addReady(Batch batch, OffsetSet take, long moreBytes, OffsetSet done, List<StoredRun> its) {
    List<Command.Candidates> taken =
        take.isEmpty()
            ? List.of()
            : List.of(new Command.Candidates(batch.messageGroupHash(), take));
    if (!take.isEmpty()) {
      hashes.add(batch.messageGroupHash());
    }
    messages += take.size();
    bytes += moreBytes;
    parts += taken.size();
    end(new Command.FromReady(batch.id(), taken, done), its);
    ready.add(batch.id());
  }

  /** Ends the present grant. */
  void endFromReady(Batch batch, OffsetSet done, List<StoredRun> itsRuns) {
    end(new Command.FromReady(batch.id(), takeCandidates(), done), itsRuns);
    ready.add(batch.id());
  }

  private void end(Command.Grant grant, List<StoredRun> itsRuns) {
    parts++;
    grants.add(grant);
    runs.add(List.copyOf(itsRuns));
  }

  private List<Command.Candidates> takeCandidates() {
    var taken = new ArrayList<Command.Candidates>(candidates.size());
    candidates.forEach((hash, offsets) -> taken.add(new Command.Candidates(hash, offsets.build())));
    for (Long hash : candidates.keySet()) {
      if (!blockedHashes.contains(hash)) {
        hashes.add(hash);
      }
    }
    parts += taken.size();
    candidates.clear();
    blockedHashes.clear();
    return taken;
  }

  GrantPlan plan(PlannedQueue queue, int generation, Attachment consumer) {
    hashes.remove(MessageGroupHash.NONE);
    return new GrantPlan(
        queue,
        generation,
        consumer,
        messages,
        bytes,
        fromCursor,
        List.copyOf(ready),
        Set.copyOf(hashes),
        List.copyOf(grants),
        List.copyOf(runs));
  }
}
