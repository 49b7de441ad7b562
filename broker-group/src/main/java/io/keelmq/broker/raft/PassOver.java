package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.Iterator;
import java.util.function.BooleanSupplier;

/**
 * Walks past entries that the rows hold already, without their bytes being read.
 *
 * <p>After a restart JRaft hands over the whole log again, and its iterator asks for the bytes of
 * every entry that it leaves; reading and checking them would make a restart as long as the log.
 * The log storage asks here whether the bytes are only going to be dropped. The answer is for the
 * asking thread: replication to a follower may ask for the same entry at the same time and must get
 * it.
 */
final class PassOver implements BooleanSupplier {

  /** The apply thread, while it leaves an entry. */
  private volatile Thread leaving;

  /** Moves the iterator to its next entry. Called by the apply thread. */
  void leave(Iterator entries) {
    leaving = Thread.currentThread();
    try {
      entries.next();
    } finally {
      leaving = null;
    }
  }

  @Override
  public boolean getAsBoolean() {
    return leaving == Thread.currentThread();
  }
}
