package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.option.RaftOptions;
import com.alipay.sofa.jraft.storage.io.FileReader;
import com.alipay.sofa.jraft.storage.snapshot.Snapshot;
import com.alipay.sofa.jraft.storage.snapshot.local.LocalSnapshotMetaTable;
import com.alipay.sofa.jraft.util.ByteBufferCollector;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Reads the pieces of a published snapshot that a receiver asks for: of the files that are listed,
 * and as many bytes as are listed. Thread-safe.
 *
 * <p>JRaft's own reader grows its buffer by a kilobyte at a time, and copies all of it each time:
 * half a second for a megabyte.
 */
final class SnapshotSender implements FileReader {

  /** Well below what the receiver's connection takes in one frame. */
  private static final int MAX_PIECE_BYTES = 4 << 20;

  private final Path folder;
  private final Runnable onRead;
  private final LocalSnapshotMetaTable table;
  private final SnapshotListing listing;

  /**
   * @param onRead called for each piece
   * @throws IOException if the listing cannot be read
   */
  SnapshotSender(Path folder, RaftOptions options, Runnable onRead) throws IOException {
    this.folder = folder;
    this.onRead = onRead;
    this.table = new LocalSnapshotMetaTable(options);
    if (!table.loadFromFile(folder.resolve(Snapshot.JRAFT_SNAPSHOT_META_FILE).toString())) {
      throw new BadSnapshotException("the listing of " + folder + " cannot be read");
    }
    this.listing = SnapshotListing.of(table.listFiles(), table::getFileMeta);
  }

  @Override
  public String getPath() {
    return folder.toString();
  }

  /**
   * @return the bytes read, or {@link FileReader#EOF} if nothing comes behind them
   */
  @Override
  public int readFile(ByteBufferCollector target, String name, long offset, long most)
      throws IOException {
    onRead.run();
    if (name.equals(Snapshot.JRAFT_SNAPSHOT_META_FILE)) {
      ByteBuffer all = table.saveToByteBufferAsRemote();
      target.setBuffer(all.position(all.limit()));
      return EOF;
    }
    SnapshotFile file =
        listing
            .file(name)
            .orElseThrow(() -> new FileNotFoundException("the snapshot has no file " + name));
    long left = Math.max(0, file.bytes() - offset);
    var piece = ByteBuffer.allocate((int) Math.min(Math.min(left, most), MAX_PIECE_BYTES));
    try (var channel = FileChannel.open(folder.resolve(name), StandardOpenOption.READ)) {
      while (piece.hasRemaining()) {
        if (channel.read(piece, offset + piece.position()) < 0) {
          // Shorter than listed: the receiver finds out.
          target.setBuffer(piece);
          return EOF;
        }
      }
    }
    target.setBuffer(piece);
    return piece.position() >= left ? EOF : piece.position();
  }
}
