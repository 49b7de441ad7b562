package io.keelmq.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import io.keelmq.common.BackupManifest;
import io.keelmq.common.DamagedBackupException;
import io.keelmq.common.StatusDetails;
import io.keelmq.v1.AdminGrpc;
import io.keelmq.v1.Code;
import io.keelmq.v1.CopySnapshotRequest;
import io.keelmq.v1.CopySnapshotResponse;
import io.keelmq.v1.SnapshotFile;
import io.keelmq.v1.SnapshotHeader;
import io.keelmq.v1.SnapshotPiece;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of what a replica sends, and of what it should not send. */
class BackupDownloadTest {

  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final InstantSource CLOCK = InstantSource.fixed(Instant.ofEpochMilli(1_000));
  private static final String SEGMENT = "log/00000000000000000001.seg";

  @TempDir Path temp;

  private final List<CopySnapshotResponse> events = new ArrayList<>();
  private Server server;
  private ManagedChannel channel;
  private boolean breaksOff;

  @BeforeEach
  void start() throws IOException {
    var admin =
        new AdminGrpc.AdminImplBase() {
          @Override
          public void copySnapshot(
              CopySnapshotRequest request, StreamObserver<CopySnapshotResponse> caller) {
            events.forEach(caller::onNext);
            if (breaksOff) {
              caller.onError(StatusDetails.toException(Code.PRECONDITION_FAILED, "busy"));
            } else {
              caller.onCompleted();
            }
          }
        };
    server =
        NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
            .addService(admin)
            .build()
            .start();
    channel =
        Grpc.newChannelBuilder("127.0.0.1:" + server.getPort(), InsecureChannelCredentials.create())
            .build();
  }

  @AfterEach
  void stop() {
    channel.shutdownNow();
    server.shutdownNow();
  }

  @Test
  void writesFilesAndThenTheManifest() throws IOException {
    header(file("about", "whose"), file("db/CURRENT", ""), file(SEGMENT, "messages"));
    piece(0, "who");
    piece(0, "se");
    piece(2, "messages");
    Path folder = temp.resolve("b");

    BackupManifest manifest = new BackupDownload(folder, CLOCK).from(channel, LIMIT);

    assertEquals(manifest, BackupManifest.read(folder));
    assertEquals(List.of(), manifest.flaws(folder));
    assertEquals("whose", Files.readString(folder.resolve("about")));
    assertEquals(0, Files.size(folder.resolve("db/CURRENT")));
    assertEquals(17, manifest.index());
    assertEquals(1_000, manifest.takenMillis());
  }

  @Test
  void refusesAFileThatIsNotAsItIsListed() throws IOException {
    header(file("about", "whose"), file(SEGMENT, "messages"));
    piece(0, "whose");
    piece(1, "massages");

    assertTrue(refusal().contains(SEGMENT + " came with"));
  }

  @Test
  void refusesAFileThatEndsTooEarly() throws IOException {
    header(file("about", "whose"), file(SEGMENT, "messages"));
    piece(0, "whose");

    assertTrue(refusal().contains(SEGMENT + " came with 0 bytes"));
  }

  @Test
  void refusesNamesThatLeadElsewhere() throws IOException {
    header(file("../about", "whose"));
    piece(0, "whose");

    assertTrue(refusal().contains("no listing of a snapshot"));
    assertFalse(Files.exists(temp.resolve("about")));
  }

  @Test
  void refusesAnEmptyAnswer() throws IOException {
    assertTrue(refusal().contains("no files"));
  }

  @Test
  void tellsWhatTheReplicaRefusedAndLeavesNoBackup() throws IOException {
    breaksOff = true;
    header(file("about", "whose"));
    Path folder = temp.resolve("b");
    var download = new BackupDownload(folder, CLOCK);

    var failure = assertThrows(RequestRejected.class, () -> download.from(channel, LIMIT));

    assertTrue(failure.getMessage().contains("busy"), failure.getMessage());
    assertThrows(DamagedBackupException.class, () -> BackupManifest.read(folder));
  }

  @Test
  void refusesAFolderThatIsNotEmpty() throws IOException {
    Files.createFile(temp.resolve("something"));

    assertThrows(IOException.class, () -> new BackupDownload(temp, CLOCK));
  }

  private String refusal() throws IOException {
    Path folder = temp.resolve("b");
    var download = new BackupDownload(folder, CLOCK);
    var failure = assertThrows(DamagedBackupException.class, () -> download.from(channel, LIMIT));
    assertFalse(Files.exists(folder.resolve(BackupManifest.NAME)));
    return failure.getMessage();
  }

  private void header(SnapshotFile... files) {
    events.add(
        CopySnapshotResponse.newBuilder()
            .setHeader(
                SnapshotHeader.newBuilder()
                    .setClusterId("c1")
                    .setBrokerGroup("g0")
                    .setNode("n2")
                    .setSoftwareVersion("1.0")
                    .setIndex(17)
                    .setTerm(3)
                    .addAllFiles(List.of(files)))
            .build());
  }

  private static SnapshotFile file(String name, String content) {
    var crc = new CRC32C();
    crc.update(content.getBytes(StandardCharsets.UTF_8));
    return SnapshotFile.newBuilder()
        .setName(name)
        .setBytes(content.length())
        .setCrc32C((int) crc.getValue())
        .build();
  }

  private void piece(int file, String data) {
    events.add(
        CopySnapshotResponse.newBuilder()
            .setPiece(
                SnapshotPiece.newBuilder().setFile(file).setData(ByteString.copyFromUtf8(data)))
            .build());
  }
}
