/**
 * What the parts of a broker ask of each other: the ports between serving ({@code api}, {@code
 * registry}), replication ({@code raft}) and the state machine. Interfaces and values only; imports
 * {@code state} and {@code java.*}.
 */
package io.keelmq.broker;
