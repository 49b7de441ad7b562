package io.keelmq.broker.raft;

import java.util.function.LongSupplier;

/**
 * Of the reading of sealed segments and files of rows again; each may be read at any time by any
 * thread.
 *
 * @param bytes read
 * @param passes over all of them that have ended
 * @param failures passes that ended before their end; the next one begins after the pause
 * @param damaged files found so, each once in every pass
 * @param rebuiltSidecars damaged ones that were written anew when the log was opened
 */
public record ScrubStats(
    LongSupplier bytes,
    LongSupplier passes,
    LongSupplier failures,
    LongSupplier damaged,
    LongSupplier rebuiltSidecars) {}
