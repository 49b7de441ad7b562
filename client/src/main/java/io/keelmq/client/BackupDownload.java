package io.keelmq.client;

import io.grpc.CallOptions;
import io.grpc.Context;
import io.grpc.Context.CancellableContext;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.keelmq.common.BackupManifest;
import io.keelmq.common.DamagedBackupException;
import io.keelmq.v1.AdminGrpc;
import io.keelmq.v1.CopySnapshotRequest;
import io.keelmq.v1.CopySnapshotResponse;
import io.keelmq.v1.SnapshotFile;
import io.keelmq.v1.SnapshotHeader;
import io.keelmq.v1.SnapshotPiece;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/**
 * Pulls a snapshot of one replica into a folder, compares every file with what the replica said of
 * it, and writes the manifest behind it. For one thread; used once.
 */
final class BackupDownload {

  private final Path folder;
  private final InstantSource clock;

  private SnapshotHeader header = SnapshotHeader.getDefaultInstance();
  private int file = -1;
  private FileChannel channel;
  private long written;
  private CRC32C crc = new CRC32C();

  /**
   * @param folder empty, or not there yet
   */
  BackupDownload(Path folder, InstantSource clock) throws IOException {
    this.folder = folder;
    this.clock = clock;
    if (Files.exists(folder)) {
      try (Stream<Path> there = Files.list(folder)) {
        if (there.findAny().isPresent()) {
          throw new IOException(folder + " is not empty: name a new folder");
        }
      }
    }
    Files.createDirectories(folder.resolve("db"));
    Files.createDirectories(folder.resolve("log"));
  }

  /**
   * @param limit for all of it
   * @throws KeelException if the replica refuses, or the connection breaks
   * @throws IOException if the folder cannot be written
   * @throws DamagedBackupException if a file did not arrive as the replica lists it
   */
  BackupManifest from(io.grpc.Channel replica, Duration limit) throws IOException {
    CancellableContext call = Context.current().withCancellation();
    Context before = call.attach();
    try {
      Iterator<CopySnapshotResponse> events =
          ClientCalls.blockingServerStreamingCall(
              replica,
              AdminGrpc.getCopySnapshotMethod(),
              CallOptions.DEFAULT.withDeadlineAfter(limit.toMillis(), TimeUnit.MILLISECONDS),
              CopySnapshotRequest.getDefaultInstance());
      while (events.hasNext()) {
        take(events.next());
      }
      return finish();
    } catch (StatusRuntimeException e) {
      throw Failures.unwrap(e);
    } finally {
      call.detach(before);
      call.cancel(null);
      closeFile();
    }
  }

  private void take(CopySnapshotResponse event) throws IOException {
    if (event.hasHeader()) {
      header = event.getHeader();
      // Before a name becomes a file: it comes from another machine.
      manifest();
    } else if (event.hasPiece()) {
      take(event.getPiece());
    }
  }

  private void take(SnapshotPiece piece) throws IOException {
    while (file < piece.getFile()) {
      next();
    }
    if (file != piece.getFile()) {
      throw new DamagedBackupException("a piece of file " + piece.getFile() + " after " + file);
    }
    ByteBuffer data = piece.getData().asReadOnlyByteBuffer();
    crc.update(data.duplicate());
    while (data.hasRemaining()) {
      written += channel.write(data);
    }
  }

  /** Ends the file that is being written, and begins the next one. */
  private void next() throws IOException {
    endFile();
    file++;
    if (file >= header.getFilesCount()) {
      throw new DamagedBackupException("more files came than the replica had listed");
    }
    channel =
        FileChannel.open(
            folder.resolve(header.getFiles(file).getName()),
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.WRITE);
    written = 0;
    crc = new CRC32C();
  }

  private void endFile() throws IOException {
    if (file < 0) {
      return;
    }
    channel.force(true);
    closeFile();
    SnapshotFile listed = header.getFiles(file);
    if (written != listed.getBytes() || (int) crc.getValue() != listed.getCrc32C()) {
      throw new DamagedBackupException(
          "%s came with %d bytes and checksum %08x, expected %d and %08x: its disk may be damaged, make the backup of another replica"
              .formatted(
                  listed.getName(),
                  written,
                  (int) crc.getValue(),
                  listed.getBytes(),
                  listed.getCrc32C()));
    }
  }

  private void closeFile() throws IOException {
    if (channel != null) {
      channel.close();
    }
  }

  private BackupManifest finish() throws IOException {
    if (header.getFilesCount() == 0) {
      throw new DamagedBackupException("the replica sent no files");
    }
    while (file < header.getFilesCount() - 1) {
      next();
    }
    endFile();
    BackupManifest.force(folder.resolve("db"));
    BackupManifest.force(folder.resolve("log"));
    BackupManifest manifest = manifest();
    manifest.write(folder);
    return manifest;
  }

  private BackupManifest manifest() throws DamagedBackupException {
    List<BackupManifest.Entry> entries = new ArrayList<>();
    try {
      for (SnapshotFile listed : header.getFilesList()) {
        entries.add(
            new BackupManifest.Entry(
                listed.getName(),
                listed.getBytes(),
                listed.getCrc32C(),
                listed.getSealed()
                    ? Optional.of(
                        new BackupManifest.Content(
                            listed.getLastIndex(), listed.getContentCrc32C()))
                    : Optional.empty()));
      }
      return new BackupManifest(
          header.getClusterId(),
          header.getBrokerGroup(),
          header.getNode(),
          header.getSoftwareVersion().isEmpty() ? "unknown" : header.getSoftwareVersion(),
          header.getIndex(),
          header.getTerm(),
          clock.millis(),
          entries);
    } catch (IllegalArgumentException e) {
      throw new DamagedBackupException(
          "the replica sent no listing of a snapshot: " + e.getMessage());
    }
  }
}
