package io.keelmq.broker.raft;

import java.util.function.LongSupplier;

/**
 * Of the reading of sealed segments again; each may be read at any time by any thread.
 *
 * @param bytes read
 * @param passes over the whole log that have ended
 * @param damaged segments found so, each once in every pass
 * @param rebuiltSidecars damaged ones that were written anew when the log was opened
 */
public record ScrubStats(
    LongSupplier bytes, LongSupplier passes, LongSupplier damaged, LongSupplier rebuiltSidecars) {}
