package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.option.RaftOptions;
import com.alipay.sofa.jraft.storage.snapshot.Snapshot;
import com.alipay.sofa.jraft.storage.snapshot.SnapshotReader;
import com.alipay.sofa.jraft.storage.snapshot.local.LocalSnapshotWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The folder of a snapshot that is not published yet, and its publication: the listing is forced
 * before the folder gets its name, and the name before the snapshot of before goes. JRaft forces
 * both as well; that it does is no promise of its, and cannot be tested here. Owned by one thread.
 */
final class DurableSnapshotWriter extends LocalSnapshotWriter {

  private final GroupSnapshotStorage storage;
  private final Path folder;

  DurableSnapshotWriter(String path, GroupSnapshotStorage storage, RaftOptions options) {
    super(path, storage, options);
    this.storage = storage;
    this.folder = Path.of(path);
  }

  /** Writes the listing, durably. */
  @Override
  public boolean sync() throws IOException {
    if (!super.sync()) {
      return false;
    }
    SnapshotFiles.force(storage.disk(), folder.resolve(Snapshot.JRAFT_SNAPSHOT_META_FILE));
    storage.disk().forceDirectory(folder);
    return true;
  }

  /** Publishes the snapshot unless it is in error; durably on return. */
  @Override
  public void close(boolean keepDataOnError) throws IOException {
    // JRaft deletes it right behind the rename.
    Optional<SnapshotReader> before = storage.hold();
    try {
      super.close(keepDataOnError);
    } catch (IOException e) {
      release(before);
      throw e;
    }
    // If this fails it is not known which of the two a start would find: both stay.
    storage.disk().forceDirectory(folder.toAbsolutePath().getParent());
    release(before);
  }

  private static void release(Optional<SnapshotReader> held) throws IOException {
    if (held.isPresent()) {
      held.get().close();
    }
  }
}
