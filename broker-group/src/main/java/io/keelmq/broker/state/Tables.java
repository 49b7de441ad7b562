package io.keelmq.broker.state;

/**
 * The rows that the state machine keeps. Reads see all earlier writes of the same batch. Used by
 * one thread; when and how a batch becomes durable is the store's affair.
 */
public interface Tables extends TableReads {

  void put(Table table, byte[] key, byte[] value);

  /** Deleting a row that is not there is no error. */
  void delete(Table table, byte[] key);
}
