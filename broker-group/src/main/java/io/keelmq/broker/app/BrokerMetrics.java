package io.keelmq.broker.app;

import io.keelmq.broker.Leadership;
import io.keelmq.broker.Replica;
import io.keelmq.broker.api.ApiStats;
import io.keelmq.broker.raft.RaftStats;
import io.keelmq.broker.raft.RetentionStats;
import io.keelmq.broker.raft.ScrubStats;
import io.keelmq.broker.raft.SnapshotStats;
import io.keelmq.broker.state.LevelRange;
import io.keelmq.broker.state.StateView;
import io.keelmq.common.Metrics;
import java.time.InstantSource;
import java.util.function.LongSupplier;

/** What a broker shows at /metrics, beside what every JVM does. Counts live where they arise. */
final class BrokerMetrics {

  private static final double NANOS_PER_SECOND = 1e9;
  private static final double MILLIS_PER_SECOND = 1e3;

  private BrokerMetrics() {}

  static void register(Metrics metrics, Replica replica, RaftStats raft, ApiStats api) {
    replication(metrics, replica, raft);
    storage(metrics, raft);
    serving(metrics, api);
    held(metrics, replica, api);
  }

  static void damage(Metrics metrics, DamageRepair damage) {
    counter(
        metrics,
        "keelmq_damage_found_total",
        "how often damaged data was found that the replica cannot go on with",
        damage::found);
    counter(
        metrics,
        "keelmq_damage_repairs_total",
        "how often damaged data was set aside, to come back from the other replicas",
        damage::repairs);
    gauge(
        metrics,
        "keelmq_damage_waiting",
        "1 while damaged data waits for the group to go on without this replica",
        () -> damage.isWaiting() ? 1 : 0);
  }

  static void levels(Metrics metrics, Replica replica, LevelRange supported) {
    gauge(
        metrics,
        "keelmq_feature_level",
        "what the group may use, as this replica has applied it; 0 before it is in a group",
        () ->
            replica.leadership().role() == Leadership.Role.UNINITIALIZED
                ? 0
                : replica.state().features().level());
    gauge(
        metrics,
        "keelmq_feature_level_supported",
        "the highest feature level that this replica supports",
        supported::most);
  }

  static void scrub(Metrics metrics, ScrubStats scrub) {
    counter(
        metrics,
        "keelmq_scrubbed_bytes_total",
        "bytes of the sealed log and of files of rows read again",
        scrub.bytes());
    counter(
        metrics,
        "keelmq_scrub_passes_total",
        "how often all of the sealed log and the files of rows was read again",
        scrub.passes());
    counter(
        metrics,
        "keelmq_scrub_failures_total",
        "readings that ended before their end; the next one begins after the pause",
        scrub.failures());
    counter(
        metrics,
        "keelmq_scrub_damage_total",
        "damaged files found by reading them again, each once in every pass",
        scrub.damaged());
    counter(
        metrics,
        "keelmq_rebuilt_sidecars_total",
        "damaged index files of segments that were made anew at the start",
        scrub.rebuiltSidecars());
  }

  static void retention(Metrics metrics, RetentionStats retention) {
    counter(
        metrics,
        "keelmq_relocated_rows_total",
        "runs whose bodies this leader copied to the head of the log, so that old segments go",
        retention.relocatedRows());
    counter(
        metrics,
        "keelmq_relocated_bytes_total",
        "bytes of bodies that this leader copied to the head of the log",
        retention.relocatedBytes());
    counter(
        metrics,
        "keelmq_queues_trimmed_by_size_total",
        "how often this leader found a queue larger than its topic's retention",
        retention.trimsBySize());
    counter(
        metrics,
        "keelmq_queues_trimmed_by_disk_total",
        "how often this leader let a queue's oldest messages go because a disk was nearly full",
        retention.trimsByDisk());
    gauge(
        metrics,
        "keelmq_log_live_bytes",
        "bytes of the log that rows name, when this leader read all rows last",
        retention.liveBytes());
    gauge(
        metrics,
        "keelmq_log_dead_bytes",
        "bytes of the log that no row names, in segments that live ones keep from being freed",
        retention.deadBytes());
  }

  private static void held(Metrics metrics, Replica replica, ApiStats api) {
    gauge(
        metrics,
        "keelmq_held_runs",
        "delayed and half runs that wait",
        () -> heldCounts(replica).waiting());
    counter(
        metrics,
        "keelmq_unanswered_transactions_total",
        "half runs rolled back because no check was answered, in the whole group",
        () -> heldCounts(replica).unanswered());
    counter(
        metrics,
        "keelmq_transaction_checks_total",
        "producers asked here what became of a half run",
        api::checksAsked);
    counter(
        metrics,
        "keelmq_dropped_transaction_checks_total",
        "checks that no producer here could take when they were due",
        api::checksDropped);
  }

  private static StateView.HeldCounts heldCounts(Replica replica) {
    return replica.leadership().role() == Leadership.Role.UNINITIALIZED
        ? new StateView.HeldCounts(0, 0)
        : replica.state().heldCounts();
  }

  private static void replication(Metrics metrics, Replica replica, RaftStats raft) {
    metrics.gauge(
        "keelmq_leader",
        "1 while this replica leads its broker group",
        () -> replica.leadership().role() == Leadership.Role.LEADER ? 1 : 0);
    metrics.gauge("keelmq_term", "Raft term", () -> replica.leadership().term());
    gauge(metrics, "keelmq_committed_index", "last committed log index", raft.committedIndex());
    gauge(metrics, "keelmq_applied_index", "last applied log index", raft.appliedIndex());
    counter(
        metrics, "keelmq_proposed_commands_total", "commands proposed", raft.commandsProposed());
    counter(
        metrics, "keelmq_proposed_entries_total", "log entries proposed", raft.entriesProposed());
    counter(
        metrics, "keelmq_proposed_bytes_total", "bytes of proposed entries", raft.bytesProposed());
    counter(
        metrics,
        "keelmq_overloads_total",
        "proposals refused because too much was in flight",
        raft.overloads());
    gauge(metrics, "keelmq_proposal_in_flight_bytes", "bytes being stored", raft.bytesInFlight());
    gauge(
        metrics, "keelmq_replies_waiting", "answers applied but not given", raft.repliesWaiting());
    counter(metrics, "keelmq_applied_entries_total", "entries applied", raft.entriesApplied());
    counter(
        metrics,
        "keelmq_skipped_entries_total",
        "entries already applied before a restart",
        raft.entriesSkipped());
    counter(metrics, "keelmq_applied_commands_total", "commands applied", raft.commandsApplied());
  }

  private static void storage(Metrics metrics, RaftStats raft) {
    gauge(
        metrics, "keelmq_disk_free_bytes", "free on the data folder's disk", raft.freeDiskBytes());
    gauge(metrics, "keelmq_disk_low", "1 while this replica is low on disk", raft.lowDisk());
    counter(
        metrics,
        "keelmq_disk_full_refusals_total",
        "sends refused because of full disks",
        raft.refusedForRoom());
    counter(
        metrics, "keelmq_disk_stalls_total", "fsyncs that took longer than allowed", raft.stalls());
    gauge(metrics, "keelmq_may_lead", "0 while its disk keeps it from standing", raft.mayStand());
    counter(
        metrics,
        "keelmq_raft_append_requests_total",
        "requests with entries received from leaders",
        raft.appendRequests());
    counter(
        metrics,
        "keelmq_raft_appends_withheld_total",
        "confirmations of entries that were not told, because the log had failed",
        raft.appendsWithheld());
    counter(metrics, "keelmq_log_forces_total", "fsyncs of the commit log", raft.logForces());
    metrics.counter(
        "keelmq_log_force_seconds_total",
        "time spent in fsync of the commit log",
        () -> raft.logForceNanos().getAsLong() / NANOS_PER_SECOND);
    counter(
        metrics,
        "keelmq_log_appended_bytes_total",
        "bytes appended to the commit log",
        raft.logBytes());
    gauge(metrics, "keelmq_store_file_bytes", "bytes of index files", raft.storeBytes());
    gauge(
        metrics,
        "keelmq_store_memory_bytes",
        "bytes of index memory outside the heap",
        raft.storeMemoryBytes());
    metrics.counter(
        "keelmq_written_bytes_total",
        "bytes this process caused to be written to storage",
        ProcessIo::writtenBytes);
  }

  /** By which others tell how far this machine's clock is off. */
  static void clock(Metrics metrics, InstantSource wall) {
    metrics.gauge(
        "keelmq_clock_seconds",
        "the wall clock, seconds since 1970",
        () -> wall.millis() / MILLIS_PER_SECOND);
  }

  static void snapshots(Metrics metrics, SnapshotStats snapshots) {
    gauge(
        metrics,
        "keelmq_snapshot_index",
        "last log index of the published snapshot, 0 if there is none",
        snapshots.index());
    gauge(
        metrics,
        "keelmq_snapshot_bytes",
        "bytes of the published snapshot, most of them shared with log and index",
        snapshots.bytes());
    metrics.gauge(
        "keelmq_snapshot_seconds",
        "time that the last snapshot took",
        () -> snapshots.lastMillis().getAsLong() / MILLIS_PER_SECOND);
    gauge(
        metrics,
        "keelmq_snapshot_grown_bytes",
        "bytes by which the commit log has grown since the snapshot",
        snapshots.grownBytes());
    gauge(
        metrics,
        "keelmq_snapshot_installing",
        "1 while a snapshot is brought in from the leader",
        snapshots.installing());
    gauge(
        metrics,
        "keelmq_snapshot_sending",
        "1 while a snapshot is sent to another replica",
        snapshots.serving());
    counter(
        metrics,
        "keelmq_snapshot_installs_total",
        "snapshots that log or index were replaced from",
        snapshots.installs());
    counter(
        metrics,
        "keelmq_snapshot_failed_downloads_total",
        "downloads of snapshots that failed",
        snapshots.failedDownloads());
    counter(
        metrics,
        "keelmq_snapshot_skipped_segments_total",
        "segments of snapshots that were here already",
        snapshots.segmentsSkipped());
    counter(
        metrics,
        "keelmq_snapshot_copied_segments_total",
        "segments of snapshots that were copied from the leader",
        snapshots.segmentsCopied());
    counter(
        metrics,
        "keelmq_snapshot_copied_bytes_total",
        "bytes of snapshots that were copied from the leader",
        snapshots.bytesCopied());
    counter(
        metrics,
        "keelmq_seed_segments_total",
        "segments of snapshots that were taken from the folder seed",
        snapshots.seedSegments());
    counter(
        metrics,
        "keelmq_seed_bytes_total",
        "bytes of segments that were taken from the folder seed",
        snapshots.seedBytes());
    counter(
        metrics,
        "keelmq_seed_refused_segments_total",
        "segments in the folder seed that are damaged or hold other entries than the leader's",
        snapshots.seedRefused());
    counter(
        metrics,
        "keelmq_log_segments_freed_total",
        "segments of the commit log deleted because no message lay in them any more",
        snapshots.freedSegments());
    gauge(
        metrics,
        "keelmq_log_first_index",
        "the oldest entry of the commit log on disk",
        snapshots.firstIndex());
  }

  private static void serving(Metrics metrics, ApiStats api) {
    counter(metrics, "keelmq_publish_batches_total", "batches stored", api::publishBatches);
    counter(metrics, "keelmq_publish_messages_total", "messages published", api::publishMessages);
    counter(metrics, "keelmq_publish_bytes_total", "bytes published", api::publishBytes);
    counter(metrics, "keelmq_send_messages_total", "messages stored by Send", api::sends);
    counter(metrics, "keelmq_read_messages_total", "messages read", api::readMessages);
    counter(metrics, "keelmq_read_bytes_total", "bytes read", api::readBytes);
    counter(metrics, "keelmq_forwards_total", "calls passed on to the leader", api::forwards);
    counter(metrics, "keelmq_holds_total", "waits for a leader", api::holds);
    counter(
        metrics,
        "keelmq_republished_batches_total",
        "batches handed over once more",
        api::republished);
    gauge(metrics, "keelmq_open_producers", "open Publish streams", api::openProducers);
    gauge(metrics, "keelmq_open_readers", "open Read streams", api::openReaders);
    gauge(metrics, "keelmq_parked_readers", "Read streams that wait for more", api::parkedReaders);
    consuming(metrics, api);
    metrics.gauges(
        "keelmq_refused_calls",
        "answers other than OK since the start, by code",
        callback ->
            api.refused()
                .forEach(
                    (code, count) -> {
                      if (count > 0) {
                        callback.call(count, code.name());
                      }
                    }),
        "code");
  }

  private static void consuming(Metrics metrics, ApiStats api) {
    gauge(metrics, "keelmq_open_consumers", "open Consume streams", api::openConsumers);
    gauge(
        metrics,
        "keelmq_parked_consumers",
        "consumers of this leader that wait for messages",
        api::parkedConsumers);
    counter(
        metrics, "keelmq_delivered_messages_total", "messages delivered", api::deliveredMessages);
    counter(
        metrics,
        "keelmq_redelivered_messages_total",
        "messages delivered that had been delivered before",
        api::redeliveredMessages);
    counter(metrics, "keelmq_delivered_bytes_total", "bytes delivered", api::deliveredBytes);
    gauge(
        metrics,
        "keelmq_undelivered_bytes",
        "bytes granted and not taken by consumers yet",
        api::undeliveredBytes);
    counter(metrics, "keelmq_settled_messages_total", "messages settled", api::settledMessages);
    counter(
        metrics,
        "keelmq_settle_commands_total",
        "commands that settled leases",
        api::settleCommands);
    counter(
        metrics,
        "keelmq_delivery_turns_total",
        "times a planner looked what there is for a consumer",
        api::deliveryTurns);
    counter(
        metrics,
        "keelmq_trimmed_ranges_total",
        "ranges of offsets that retention took before a group had consumed them",
        api::trimmedRanges);
    counter(metrics, "keelmq_grants_total", "grants of leases proposed", api::grants);
    counter(
        metrics,
        "keelmq_empty_grants_total",
        "grants that leased nothing of what they asked for",
        api::emptyGrants);
    counter(
        metrics,
        "keelmq_lease_renewals_total",
        "leases extended because their consumer lives",
        api::renewals);
    counter(
        metrics,
        "keelmq_reopened_consumers_total",
        "streams opened at the next leader on behalf of consumers",
        api::reopenedConsumers);
    counter(
        metrics,
        "keelmq_cut_consumers_total",
        "consumers whose leases ended with their stream",
        api::cutConsumers);
    counter(
        metrics,
        "keelmq_reached_leases_total",
        "leases of polls of which other replicas told that they have reached their clients",
        api::reachedLeases);
    counter(
        metrics,
        "keelmq_disowned_leases_total",
        "leases ended soon because their clients may never have heard of them",
        api::disownedLeases);
  }

  static void gauge(Metrics metrics, String name, String help, LongSupplier value) {
    metrics.gauge(name, help, value::getAsLong);
  }

  static void counter(Metrics metrics, String name, String help, LongSupplier value) {
    metrics.counter(name, help, value::getAsLong);
  }
}
