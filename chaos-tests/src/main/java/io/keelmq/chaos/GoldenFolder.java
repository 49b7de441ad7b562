package io.keelmq.chaos;

import io.keelmq.local.LocalProgram;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/**
 * Makes and opens golden folders: the data folder of a replica as a released version wrote it, in
 * an archive, with a manifest of what it holds. Each later version has to open it, find all of it,
 * and go on.
 */
@Command(
    name = "golden-folder",
    description = "create ARCHIVE MANIFEST with this version; verify that this version opens one.",
    subcommands = {GoldenFolder.Create.class, GoldenFolder.Verify.class})
public final class GoldenFolder {

  /** A line of the manifest, before those about the content: when the folder was closed. */
  static final String CLOSED_AT = "closed at ";

  private GoldenFolder() {}

  public static void main(String[] arguments) {
    LocalProgram.main(new GoldenFolder(), arguments);
  }

  @Command(name = "create")
  static final class Create implements Callable<Integer> {
    @Parameters(index = "0")
    Path archive;

    @Parameters(index = "1")
    Path manifest;

    @Override
    public Integer call() throws Exception {
      Path folder = Files.createTempDirectory("golden-");
      var lines = new ArrayList<String>();
      try (var replica =
          GoldenReplica.open(folder, InstantSource.system(), UnaryOperator.identity())) {
        new GoldenContent(replica).write();
        lines.add(CLOSED_AT + replica.replica().state().applied().timeMillis());
        lines.addAll(GoldenManifest.of(replica.replica()));
        replica.requireSound();
      }
      pack(folder, archive);
      Files.write(manifest, lines);
      System.out.println(archive + " has " + Files.size(archive) + " bytes");
      return 0;
    }
  }

  @Command(name = "verify")
  static final class Verify implements Callable<Integer> {
    @Parameters(index = "0")
    Path archive;

    @Parameters(index = "1")
    Path manifest;

    @Override
    public Integer call() throws Exception {
      Path folder = Files.createTempDirectory("golden-");
      List<String> flaws = GoldenCheck.verify(archive, Files.readAllLines(manifest), folder);
      flaws.forEach(System.out::println);
      System.out.println(flaws.isEmpty() ? "as it was written" : "not as it was written");
      return flaws.isEmpty() ? 0 : 1;
    }
  }

  private static void pack(Path folder, Path archive) throws IOException {
    try (Stream<Path> found = Files.walk(folder);
        OutputStream file = Files.newOutputStream(archive);
        var zip = new ZipOutputStream(file)) {
      zip.setLevel(9);
      for (Path each :
          found.filter(Files::isRegularFile).filter(GoldenFolder::counts).sorted().toList()) {
        var entry = new ZipEntry(folder.relativize(each).toString());
        entry.setLastModifiedTime(FileTime.fromMillis(0));
        zip.putNextEntry(entry);
        Files.copy(each, zip);
        zip.closeEntry();
      }
    }
  }

  /** Not what holds nothing: locks, the reserve, RocksDB's own log. */
  private static boolean counts(Path file) {
    String name = file.getFileName().toString();
    return !name.equals("reserve") && !name.startsWith("LOG");
  }

  static void unpack(Path archive, Path folder) throws IOException {
    try (var zip = new ZipFile(archive.toFile())) {
      zip.stream().forEach(entry -> unpack(zip, entry, folder));
    }
  }

  private static void unpack(ZipFile zip, ZipEntry entry, Path folder) {
    Path target = folder.resolve(entry.getName()).normalize();
    if (!target.startsWith(folder)) {
      throw new IllegalArgumentException(entry.getName() + " leads out of the archive");
    }
    try (var in = zip.getInputStream(entry)) {
      Files.createDirectories(target.getParent());
      Files.copy(in, target);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
