package io.keelmq.broker.api;

/** Which messages a consumer wants; the others count as consumed by its group. Immutable. */
public interface MessageFilter {

  /** Takes everything, so that nobody has to look into the records. */
  MessageFilter ALL =
      new MessageFilter() {
        @Override
        public boolean takesAll() {
          return true;
        }

        @Override
        public boolean takes(RecordHead record) {
          return true;
        }
      };

  boolean takesAll();

  boolean takes(RecordHead record);
}
