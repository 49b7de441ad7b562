package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.entity.LocalFileMetaOutter.LocalFileMeta;
import com.alipay.sofa.jraft.storage.snapshot.Snapshot;
import com.google.protobuf.Message;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;

/** What a snapshot consists of. Immutable. */
final class SnapshotListing {

  private final Map<String, SnapshotFile> files;

  private SnapshotListing(Map<String, SnapshotFile> files) {
    this.files = files;
  }

  /**
   * @throws BadSnapshotException if it cannot be a snapshot's
   */
  static SnapshotListing of(Snapshot snapshot) throws BadSnapshotException {
    return of(snapshot.listFiles(), snapshot::getFileMeta);
  }

  static SnapshotListing of(Collection<String> names, Function<String, Message> listed)
      throws BadSnapshotException {
    var files = new TreeMap<String, SnapshotFile>();
    for (String name : names) {
      files.put(name, SnapshotFile.of(name, (LocalFileMeta) listed.apply(name)));
    }
    return new SnapshotListing(files);
  }

  /**
   * @throws BadSnapshotException if something is missing that every snapshot has
   */
  SnapshotListing requireWhole() throws BadSnapshotException {
    for (String needed :
        new String[] {SnapshotFile.ABOUT, SnapshotFile.ROWS + "/CURRENT", SnapshotFile.LOG + "/"}) {
      if (files.keySet().stream().noneMatch(name -> name.startsWith(needed))) {
        throw new BadSnapshotException("the snapshot's listing has no file " + needed);
      }
    }
    for (SnapshotFile file : files.values()) {
      if (file.content().isPresent() && !files.containsKey(SnapshotFile.sidecarOf(file.name()))) {
        throw new BadSnapshotException("the snapshot's listing has no index of " + file.name());
      }
    }
    return this;
  }

  /** By name. */
  Collection<SnapshotFile> files() {
    return files.values();
  }

  Optional<SnapshotFile> file(String name) {
    return Optional.ofNullable(files.get(name));
  }

  long bytes() {
    return files.values().stream().mapToLong(SnapshotFile::bytes).sum();
  }
}
