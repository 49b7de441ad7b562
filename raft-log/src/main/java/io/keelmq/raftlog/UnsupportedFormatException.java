package io.keelmq.raftlog;

import java.nio.file.Path;

/**
 * A file was written by a newer build. Start that build, or a newer one; the log has not been
 * touched.
 */
public final class UnsupportedFormatException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  UnsupportedFormatException(Path file, int found, int newestKnown) {
    super(
        "%s has format %d, this build reads up to %d: upgrade this replica to the build that wrote it"
            .formatted(file, found, newestKnown));
  }
}
