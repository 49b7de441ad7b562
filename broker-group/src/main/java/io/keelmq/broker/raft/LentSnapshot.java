package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.entity.RaftOutter.SnapshotMeta;
import com.alipay.sofa.jraft.storage.snapshot.SnapshotReader;
import io.keelmq.broker.ReplicaControl.Refused;
import io.keelmq.broker.SnapshotCopy;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The newest published snapshot, held open for a backup: JRaft deletes no snapshot that has a
 * reader. For one thread.
 */
final class LentSnapshot implements SnapshotCopy {

  private static final Logger LOG = LoggerFactory.getLogger(LentSnapshot.class);

  private final SnapshotReader reader;
  private final Path folder;
  private final About about;
  private final List<File> files;

  private LentSnapshot(SnapshotReader reader) throws IOException {
    this.reader = reader;
    this.folder = Path.of(reader.getPath());
    var listing = SnapshotListing.of(reader).requireWhole();
    SnapshotMeta meta = reader.load();
    SnapshotAbout told = SnapshotAbout.read(folder.resolve(SnapshotFile.ABOUT));
    this.about =
        new About(
            told.cluster(), told.group(), meta.getLastIncludedIndex(), meta.getLastIncludedTerm());
    this.files = listing.files().stream().map(LentSnapshot::file).toList();
  }

  static CompletableFuture<SnapshotCopy> of(GroupSnapshotStorage storage) {
    SnapshotReader reader = storage.open();
    if (reader == null) {
      return CompletableFuture.failedFuture(
          new Refused(Refused.Reason.PRECONDITION, "this replica has no snapshot yet"));
    }
    try {
      return CompletableFuture.completedFuture(new LentSnapshot(reader));
    } catch (IOException | RuntimeException e) {
      LOG.error("the snapshot in {} cannot be lent", reader.getPath(), e);
      close(reader);
      return CompletableFuture.failedFuture(
          new Refused(
              Refused.Reason.PRECONDITION, "the snapshot cannot be read: " + e.getMessage()));
    }
  }

  private static File file(SnapshotFile listed) {
    return new File(
        listed.name(),
        listed.bytes(),
        listed.checksum(),
        listed.content().map(held -> new Content(held.lastIndex(), held.checksum())));
  }

  @Override
  public About about() {
    return about;
  }

  @Override
  public List<File> files() {
    return files;
  }

  @Override
  public void read(File file, long offset, ByteBuffer into) throws IOException {
    into.limit((int) Math.min(into.limit(), into.position() + Math.max(0, file.bytes() - offset)));
    long at = offset;
    try (var channel = FileChannel.open(folder.resolve(file.name()), StandardOpenOption.READ)) {
      while (into.hasRemaining()) {
        int read = channel.read(into, at);
        if (read < 0) {
          throw new BadSnapshotException(
              "%s has %d bytes, expected %d".formatted(file.name(), at, file.bytes()));
        }
        at += read;
      }
    }
  }

  @Override
  public void close() {
    close(reader);
  }

  private static void close(SnapshotReader reader) {
    try {
      reader.close();
    } catch (IOException e) {
      LOG.warn("closing the snapshot in {} failed", reader.getPath(), e);
    }
  }
}
