package io.keelmq.chaos;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;
import java.util.zip.CRC32C;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.DBOptions;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;

/** The data folder of a replica that does not run, and ways to damage it. For one thread. */
record DataFolder(Path path) {

  /** Segments without their last; ascending. */
  List<Path> sealedSegments() {
    List<Path> all = segments();
    return all.subList(0, all.size() - 1);
  }

  Path activeSegment() {
    List<Path> all = segments();
    return all.get(all.size() - 1);
  }

  Path firstMeta() {
    return path.resolve("log").resolve("first.meta");
  }

  Path identity() {
    return path.resolve("identity");
  }

  Path raftMeta() {
    return path.resolve("raft-meta");
  }

  Path log() {
    return path.resolve("log");
  }

  Path store() {
    return path.resolve("store");
  }

  private List<Path> segments() {
    try (var files = Files.list(log())) {
      return files.filter(file -> file.toString().endsWith(".seg")).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void copyTo(Path target) {
    delete(target);
    try (var files = Files.walk(path)) {
      for (Path file : files.toList()) {
        Path copy = target.resolve(path.relativize(file));
        Files.copy(file, copy, StandardCopyOption.COPY_ATTRIBUTES);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void delete(Path tree) {
    if (!Files.exists(tree)) {
      return;
    }
    try (var files = Files.walk(tree)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Everything that acknowledged messages and votes hang on, by name, with a hash of its bytes. */
  List<String> contents() {
    var contents = new TreeMap<String, Integer>();
    try (var files = Files.walk(path)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        String name = path.relativize(file).toString();
        // RocksDB writes a log of its own at every look; the locks hold a process id.
        if (!name.startsWith("store") && !name.endsWith(".lock")) {
          contents.put(name, Arrays.hashCode(Files.readAllBytes(file)));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    var lines = new ArrayList<String>();
    contents.forEach((name, hash) -> lines.add(name + " " + hash));
    return lines;
  }

  /** With its index, which alone would be removed as a leftover. */
  void deleteSegment(Path segment) {
    delete(segment);
    delete(segment.resolveSibling(segment.getFileName().toString().replace(".seg", ".idx")));
  }

  static void cut(Path file, int bytes) {
    change(file, all -> Arrays.copyOf(all, all.length - bytes));
  }

  static void flip(Path file, long at) {
    change(
        file,
        all -> {
          all[(int) at] ^= 0x10;
          return all;
        });
  }

  /** As a later build would write the head of a file of the log. */
  static void makeNewer(Path file, int checksummedBytes) {
    change(
        file,
        all -> {
          var bytes = ByteBuffer.wrap(all);
          bytes.putInt(8, bytes.getInt(8) + 1);
          var crc = new CRC32C();
          crc.update(all, 0, 12);
          crc.update(all, 16, checksummedBytes - 16);
          bytes.putInt(12, (int) crc.getValue());
          return all;
        });
  }

  /** Replaces text in the identity; its checksum fits afterwards. */
  void rewriteIdentity(String found, String replacement) {
    change(
        identity(),
        all -> {
          String text = new String(all, UTF_8);
          String body =
              text.substring(0, text.lastIndexOf("crc32c ")).replaceAll(found, replacement);
          var crc = new CRC32C();
          crc.update(body.getBytes(UTF_8));
          return (body + "crc32c %08x\n".formatted(crc.getValue())).getBytes(UTF_8);
        });
  }

  /** As a later build would leave the rows. */
  void makeStoreNewer() {
    byte[] newer = ByteBuffer.allocate(4).putInt(3).array();
    inFamily("default", (db, family) -> db.put(family, "format".getBytes(UTF_8), newer));
  }

  /** As a defect in applying would: from here on all digests are others. */
  void makeStateDiverge() {
    byte[] key = {'A'};
    inFamily(
        "meta",
        (db, family) -> {
          byte[] applied = db.get(family, key);
          applied[applied.length - 1] ^= 1;
          db.put(family, key, applied);
        });
  }

  /**
   * Makes the end of the last topic's last queue another one, as a flipped bit in memory would just
   * before the row is stored. Digests are others when an entry has read it, and not before.
   */
  void makeLastQueueWrong() {
    inFamily(
        "catalog",
        (db, family) -> {
          try (RocksIterator rows = db.newIterator(family)) {
            rows.seekForPrev(new byte[] {'R'});
            if (!rows.isValid() || rows.key()[0] != 'Q') {
              throw new IllegalStateException("there is no queue in " + store());
            }
            byte[] row = rows.value();
            row[2 * Long.BYTES - 1] ^= 1;
            db.put(family, rows.key(), row);
          }
        });
  }

  private interface StoreChange {
    void in(RocksDB db, ColumnFamilyHandle family) throws RocksDBException;
  }

  private void inFamily(String wanted, StoreChange change) {
    RocksDB.loadLibrary();
    try (var listing = new Options();
        var options = new DBOptions()) {
      var families = new ArrayList<ColumnFamilyDescriptor>();
      for (byte[] name : RocksDB.listColumnFamilies(listing, store().toString())) {
        families.add(new ColumnFamilyDescriptor(name));
      }
      var handles = new ArrayList<ColumnFamilyHandle>();
      try (RocksDB db = RocksDB.open(options, store().toString(), families, handles)) {
        for (ColumnFamilyHandle family : handles) {
          if (new String(family.getName(), UTF_8).equals(wanted)) {
            change.in(db, family);
          }
        }
        handles.forEach(ColumnFamilyHandle::close);
      }
    } catch (RocksDBException e) {
      throw new IllegalStateException(e);
    }
  }

  private interface Change {
    byte[] of(byte[] all);
  }

  private static void change(Path file, Change change) {
    try {
      Files.write(file, change.of(Files.readAllBytes(file)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
