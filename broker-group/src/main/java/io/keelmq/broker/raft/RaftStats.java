package io.keelmq.broker.raft;

import java.util.function.LongSupplier;

/**
 * Counters and gauges of a replica since it was opened; each may be read at any time by any thread,
 * and is 0 before Raft runs.
 *
 * @param commandsProposed handed to Raft by this replica
 * @param entriesProposed that they were gathered in
 * @param bytesProposed of those entries
 * @param overloads proposals refused because too much was being stored
 * @param bytesInFlight of proposals that are not answered yet
 * @param repliesWaiting answers and listeners' calls not yet made
 * @param entriesApplied by the state machine
 * @param entriesSkipped that the rows held already
 * @param commandsApplied with those entries
 * @param appliedIndex the last entry whose rows can be read
 * @param committedIndex the last entry that the group has stored
 * @param logForces of the log to disk
 * @param logForceNanos that they took
 * @param logBytes appended to the log, headers included
 * @param storeBytes of the store's files
 * @param storeMemoryBytes of memtables and block cache
 * @param freeDiskBytes on the data folder's disk, as last looked at
 * @param lowDisk 1 while the replica is low on disk
 * @param refusedForRoom sends refused because of full disks
 * @param stalls of the disk, each longer than the limit
 * @param mayStand 1 while the replica stands for election
 * @param appendRequests with entries, received from leaders
 * @param appendsWithheld answers to them that JRaft gave and that were not told, because the log
 *     had failed
 */
public record RaftStats(
    LongSupplier commandsProposed,
    LongSupplier entriesProposed,
    LongSupplier bytesProposed,
    LongSupplier overloads,
    LongSupplier bytesInFlight,
    LongSupplier repliesWaiting,
    LongSupplier entriesApplied,
    LongSupplier entriesSkipped,
    LongSupplier commandsApplied,
    LongSupplier appliedIndex,
    LongSupplier committedIndex,
    LongSupplier logForces,
    LongSupplier logForceNanos,
    LongSupplier logBytes,
    LongSupplier storeBytes,
    LongSupplier storeMemoryBytes,
    LongSupplier freeDiskBytes,
    LongSupplier lowDisk,
    LongSupplier refusedForRoom,
    LongSupplier stalls,
    LongSupplier mayStand,
    LongSupplier appendRequests,
    LongSupplier appendsWithheld) {}
