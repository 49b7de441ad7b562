/**
 * What must hold after a chaos run, decided from the history and from a final read of every
 * replica. Every check takes its input as a stream, once, in time linear to it; memory is a few
 * bytes for each operation, bounded by {@link io.keelmq.chaos.checks.Ledger#MAX_OPERATIONS}. Owned
 * by one thread. Imports only {@code java.*}.
 */
package io.keelmq.chaos.checks;
