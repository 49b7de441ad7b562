/**
 * Replication: a replica's identity, its Raft node, the way of a command into the log and from the
 * log into the state machine.
 *
 * <p>Threads: one proposer, JRaft's log and apply threads, one for replies, one for timers; each
 * class says which of them it belongs to. Snapshots, the watch over the disk and the scrub have one
 * of their own each. Implements {@link io.keelmq.broker.Replica} and {@link
 * io.keelmq.broker.ReplicaControl}; imports the ports, {@code state}, {@code store}, the commit log
 * and JRaft, which nobody else knows but one file of the commit log.
 */
package io.keelmq.broker.raft;
