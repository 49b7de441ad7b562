package io.keelmq.common;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;

/**
 * Makes data folders of a new cluster out of a backup. The brokers' library brings it along; the
 * command line finds it there, and knows nothing of what is in a data folder.
 */
public interface BackupRestorer {

  /**
   * A member of the new group.
   *
   * @param raftAddress host:port, as its broker will advertise it
   * @param clientAddress host:port, likewise
   */
  record Member(String node, String raftAddress, String clientAddress) {}

  /**
   * Makes {@code target/NODE} for each member, to be its {@code data.dir}. Durable on return.
   *
   * @param clusterId of the new cluster: random, never used before
   * @param target empty, or not there yet
   * @param members 1, 3 or 5
   * @throws DamagedBackupException if the backup is not as it was written; nothing is of use then
   * @throws IllegalArgumentException whose message says what is wrong with the members
   */
  void restore(Path backup, Path target, String clusterId, List<Member> members) throws IOException;

  /** Empty where the brokers' library is not on the class path. */
  static Optional<BackupRestorer> find() {
    return ServiceLoader.load(BackupRestorer.class).findFirst();
  }
}
