package io.keelmq.broker.store;

/** Is shown rows one by one. */
public interface RowVisitor {

  /**
   * @return whether to go on
   */
  boolean visit(byte[] key, byte[] value);
}
