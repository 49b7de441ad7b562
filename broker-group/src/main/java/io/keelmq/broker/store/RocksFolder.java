package io.keelmq.broker.store;

import io.keelmq.broker.state.Table;
import io.keelmq.failpoint.Failpoint;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksObject;
import org.rocksdb.SstFileReader;
import org.rocksdb.WriteBatch;

/**
 * Makes, opens and discards the folder of a store.
 *
 * <p>A store is made under another name and renamed when it is whole, so a folder of the right name
 * is a store or is damaged, and RocksDB is never asked to make up for a missing file with an empty
 * database.
 */
final class RocksFolder {

  /**
   * Of keys and values as the store sees them; the state machine's rows have formats of their own.
   */
  static final int FORMAT = 1;

  /**
   * The same, of a group beyond the first feature level: versions that know nothing of levels
   * refuse it, and would otherwise take its rows for theirs.
   */
  static final int RAISED_FORMAT = 2;

  private static final byte[] FORMAT_KEY = "format".getBytes(StandardCharsets.US_ASCII);
  private static final String DEFAULT = "default";
  private static final String DISCARDED = ".discarded";
  private static final String RESTORED = ".restored";

  static {
    RocksLibrary.load();
  }

  /** A database with its column families. */
  record Opened(
      RocksDB db, Map<Table, ColumnFamilyHandle> families, List<ColumnFamilyHandle> allFamilies) {}

  private RocksFolder() {}

  static RocksTables open(Path folder) {
    try {
      deleteTree(sibling(folder, DISCARDED));
      deleteTree(sibling(folder, RESTORED));
      if (!Files.exists(folder)) {
        create(folder);
      }
    } catch (IOException e) {
      throw new StoreException(folder, "preparing", e);
    }
    return new RocksTables(folder, openDatabase(folder));
  }

  private static RocksDatabase openDatabase(Path folder) {
    var options = new RocksOptions();
    try {
      Opened opened = open(folder, options, false);
      checkFormat(folder, opened);
      return new RocksDatabase(options, opened);
    } catch (RocksDBException e) {
      options.close();
      throw new StoreException(folder, "opening", e);
    } catch (StoreException e) {
      options.close();
      throw e;
    }
  }

  static void discard(Path folder) {
    try {
      putAside(folder);
      deleteTree(sibling(folder, DISCARDED));
    } catch (IOException e) {
      throw new StoreException(folder, "discarding", e);
    }
  }

  private static void putAside(Path folder) throws IOException {
    deleteTree(sibling(folder, DISCARDED));
    if (Files.exists(folder)) {
      Files.move(folder, sibling(folder, DISCARDED), StandardCopyOption.ATOMIC_MOVE);
      force(folder.toAbsolutePath().getParent());
    }
  }

  /**
   * Makes a store of a checkpoint beside the one in {@code folder}, durably, and opens it once to
   * see that it is one. Files that never change are linked, the others copied, because the store
   * will write to them.
   */
  static void prepare(Path folder, Path checkpoint) {
    Path restored = sibling(folder, RESTORED);
    try {
      deleteTree(restored);
      Files.createDirectories(restored);
      try (DirectoryStream<Path> files = Files.newDirectoryStream(checkpoint)) {
        for (Path file : files) {
          Path target = restored.resolve(file.getFileName());
          if (file.getFileName().toString().endsWith(".sst")) {
            Files.createLink(target, file);
          } else {
            Files.copy(file, target);
          }
          force(target);
          Failpoint.SWAP_FILE_PREPARED.hit();
        }
      }
      force(restored);
    } catch (IOException | UnsupportedOperationException e) {
      throw new StoreException(folder, "restoring the rows in " + checkpoint, e);
    }
    openDatabase(restored).close();
    Failpoint.SWAP_PREPARED.hit();
  }

  /** Puts what was prepared in the place of a store that has been closed, and opens it. */
  static RocksDatabase swapInPrepared(Path folder) {
    try {
      putAside(folder);
      Failpoint.SWAP_OLD_ASIDE.hit();
      Files.move(sibling(folder, RESTORED), folder, StandardCopyOption.ATOMIC_MOVE);
      Failpoint.SWAP_RENAMED.hit();
      force(folder.toAbsolutePath().getParent());
      Failpoint.SWAP_PUBLISHED.hit();
      deleteTree(sibling(folder, DISCARDED));
      Failpoint.SWAP_DONE.hit();
    } catch (IOException e) {
      throw new StoreException(folder, "replacing", e);
    }
    return openDatabase(folder);
  }

  /** What is damaged in a file of rows, if anything is. */
  static Optional<StoreException> damage(Path folder, Path file) {
    try (var options = new Options();
        var reader = new SstFileReader(options)) {
      reader.open(file.toString());
      reader.verifyChecksum();
      return Optional.empty();
    } catch (RocksDBException e) {
      var failure = new StoreException(folder, "reading " + file.getFileName() + " again", e);
      return failure.isDamage() ? Optional.of(failure) : Optional.empty();
    }
  }

  private static void create(Path folder) throws IOException {
    Path parent = folder.toAbsolutePath().getParent();
    Files.createDirectories(parent);
    Path unfinished = sibling(folder, ".new");
    deleteTree(unfinished);
    try (var options = new RocksOptions()) {
      Opened opened = open(unfinished, options, true);
      try (var write = options.write();
          var flush = options.flush(true)) {
        opened.db().put(write, FORMAT_KEY, formatRow(FORMAT));
        opened.db().flush(flush, opened.allFamilies());
      } finally {
        close(opened);
      }
    } catch (RocksDBException e) {
      throw new StoreException(folder, "creating", e);
    }
    Failpoint.ROWS_CREATED.hit();
    Files.move(unfinished, folder, StandardCopyOption.ATOMIC_MOVE);
    force(parent);
  }

  private static Opened open(Path folder, RocksOptions options, boolean create)
      throws RocksDBException {
    if (!create) {
      refuseUnknownTables(folder);
    }
    var descriptors = new ArrayList<ColumnFamilyDescriptor>();
    descriptors.add(new ColumnFamilyDescriptor(utf8(DEFAULT), options.family()));
    for (Table table : Table.values()) {
      descriptors.add(new ColumnFamilyDescriptor(utf8(table.storedName()), options.table(table)));
    }
    var handles = new ArrayList<ColumnFamilyHandle>();
    // A table that a later version adds is made when it is first opened; a missing one of an older
    // version is noticed by RocksDB itself, because its manifest still names the files.
    var database =
        options.database().setCreateIfMissing(create).setCreateMissingColumnFamilies(true);
    RocksDB db = RocksDB.open(database, folder.toString(), descriptors, handles);
    var families = new EnumMap<Table, ColumnFamilyHandle>(Table.class);
    // In the order of the descriptors, of which the first is the default one.
    int handle = 1;
    for (Table table : Table.values()) {
      families.put(table, handles.get(handle++));
    }
    return new Opened(db, families, List.copyOf(handles));
  }

  private static void refuseUnknownTables(Path folder) throws RocksDBException {
    var known = new TreeSet<String>();
    known.add(DEFAULT);
    for (Table table : Table.values()) {
      known.add(table.storedName());
    }
    try (var listing = new Options()) {
      for (byte[] name : RocksDB.listColumnFamilies(listing, folder.toString())) {
        String found = new String(name, StandardCharsets.UTF_8);
        if (!known.contains(found)) {
          throw new StoreException(
              "store %s has a table \"%s\", expected only %s: it was written by a newer version; start that version"
                  .formatted(folder, found, known));
        }
      }
    }
  }

  private static void checkFormat(Path folder, Opened opened) throws RocksDBException {
    byte[] row = opened.db().get(FORMAT_KEY);
    if (Arrays.equals(row, formatRow(FORMAT)) || Arrays.equals(row, formatRow(RAISED_FORMAT))) {
      return;
    }
    close(opened);
    if (row == null || row.length != 4) {
      throw new StoreException(
          "store %s has no format row, expected format %d: it is damaged or not a store; move the folder away and start again, its rows are rebuilt from the log"
              .formatted(folder, FORMAT),
          true);
    }
    throw new StoreException(
        "store %s has format %d, this version reads up to format %d: start the version that wrote it"
            .formatted(folder, ByteBuffer.wrap(row).getInt(), RAISED_FORMAT));
  }

  /** With the rows of that batch the store becomes one of a raised group. */
  static void addRaisedFormat(WriteBatch writes) throws RocksDBException {
    writes.put(FORMAT_KEY, formatRow(RAISED_FORMAT));
  }

  private static byte[] formatRow(int format) {
    return ByteBuffer.allocate(4).putInt(format).array();
  }

  private static void close(Opened opened) {
    opened.allFamilies().forEach(RocksObject::close);
    opened.db().close();
  }

  private static Path sibling(Path folder, String suffix) {
    return folder.resolveSibling(folder.getFileName() + suffix);
  }

  private static void deleteTree(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  private static void force(Path fileOrFolder) throws IOException {
    try (var channel = FileChannel.open(fileOrFolder, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
