package io.keelmq.client;

import java.util.List;

/**
 * The broker's question what became of half messages that nobody decided: those of a producer that
 * is gone, or that has not come back to them.
 *
 * @param check how often it was asked, this time included, from 1
 * @param messages what was sent under the id: one, where it was sent by this client; their offset
 *     is -1, since they have no place yet
 */
public record CheckBack(String topic, String heldId, int check, List<ReadMessage> messages) {

  public CheckBack {
    messages = List.copyOf(messages);
  }

  /** The first of the messages. */
  public ReadMessage message() {
    return messages.get(0);
  }
}
