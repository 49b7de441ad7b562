package io.keelmq.broker.rocketmq;

import com.google.protobuf.UnsafeByteOperations;
import io.keelmq.broker.api.MessageFilter;
import io.keelmq.broker.api.RecordHead;
import io.keelmq.broker.filter.SqlFilter;
import io.keelmq.v1.Message;

/** A SQL92 filter on stored records. Immutable. */
record SqlRecordFilter(SqlFilter filter) implements MessageFilter {

  @Override
  public boolean takesAll() {
    return false;
  }

  @Override
  public boolean takes(RecordHead record) {
    Message head = StoredMessages.head(UnsafeByteOperations.unsafeWrap(record.message()));
    return filter.matches(head.getTag(), head.getPropertiesMap());
  }
}
