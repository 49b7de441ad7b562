package io.keelmq.broker.api;

import java.util.List;

/**
 * What a client's poll asks for. Immutable.
 *
 * @param attemptId stands with the leases, so that a repeat of the poll finds them; may be empty
 * @param messages at most, from 1
 * @param again leases of an earlier copy of the poll, delivered again as the same attempt if they
 *     still are the client's
 */
public record PollWish(
    String clientId,
    String attemptId,
    MessageFilter filter,
    long invisibleMillis,
    int messages,
    List<LeaseKey> again) {

  public PollWish {
    again = List.copyOf(again);
  }
}
