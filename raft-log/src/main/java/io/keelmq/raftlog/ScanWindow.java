package io.keelmq.raftlog;

import java.io.IOException;
import java.nio.ByteBuffer;

/** Reads a file from front to back in large pieces. Owned by one thread. */
final class ScanWindow {

  private static final int WINDOW_BYTES = 1 << 20;

  private final DiskFile file;
  private final long fileBytes;
  private ByteBuffer window;
  private long windowStart;

  ScanWindow(DiskFile file) throws IOException {
    this.file = file;
    this.fileBytes = file.size();
    this.window = ByteBuffer.allocate((int) Math.min(WINDOW_BYTES, fileBytes)).limit(0);
  }

  long fileBytes() {
    return fileBytes;
  }

  /** The bytes from {@code position} on: {@code wanted} of them, fewer at the end of the file. */
  ByteBuffer at(long position, int wanted) throws IOException {
    // A damaged length must not make us reserve memory for bytes that are not there.
    int length = (int) Math.min(wanted, fileBytes - position);
    if (position < windowStart || position + length > windowStart + window.limit()) {
      load(position, length);
    }
    int from = (int) (position - windowStart);
    return window.duplicate().position(from).limit(Math.min(window.limit(), from + length));
  }

  private void load(long position, int length) throws IOException {
    if (length > window.capacity()) {
      window = ByteBuffer.allocate(length);
    }
    window.clear();
    file.read(window, position);
    window.flip();
    windowStart = position;
  }
}
