package io.keelmq.client;

import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Bytes that a producer may hold at once. Thread-safe; the lock guards {@code used} and calls
 * nobody.
 */
final class BufferBudget {

  private final long capacity;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition released = lock.newCondition();
  private long used;
  private int waiting;
  private boolean closed;

  BufferBudget(long capacity) {
    this.capacity = capacity;
  }

  /** What so many bytes count as: more than the whole is taken as the whole. */
  long share(long bytes) {
    return Math.min(bytes, capacity);
  }

  /**
   * Takes {@link #share bytes}, waiting until others are given back.
   *
   * @return false when the time was over first, or the budget was closed
   */
  boolean take(long bytes, long waitNanos) throws InterruptedException {
    long wanted = share(bytes);
    lock.lock();
    try {
      long left = waitNanos;
      waiting++;
      try {
        while (!closed && used + wanted > capacity) {
          if (left <= 0) {
            return false;
          }
          left = released.awaitNanos(left);
        }
      } finally {
        waiting--;
      }
      if (closed) {
        return false;
      }
      used += wanted;
      return true;
    } finally {
      lock.unlock();
    }
  }

  /**
   * @param bytes the sum of the shares that were taken
   */
  void giveBack(long bytes) {
    lock.lock();
    try {
      used -= bytes;
      if (waiting > 0) {
        released.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  long used() {
    lock.lock();
    try {
      return used;
    } finally {
      lock.unlock();
    }
  }

  /** Lets everybody go who waits. */
  void close() {
    lock.lock();
    try {
      closed = true;
      released.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
