package io.keelmq.raftlog;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/**
 * A disk in memory that knows what a power loss may leave: of each file the durable bytes and the
 * writes since its last force, of the folder the durable names and the creations, renames and
 * deletions since its last force.
 *
 * <p>Single-threaded. A {@link #crash} does not disturb this disk, so that one run can be crashed
 * everywhere.
 */
final class CrashFs implements Disk {

  /** Told before and after every call that changes something. */
  interface Observer {
    void at(String call);
  }

  private static final Observer NOBODY = call -> {};

  private final Map<Path, CrashFile> names = new TreeMap<>();
  private final Map<Path, CrashFile> durableNames = new TreeMap<>();
  private final List<Renaming> pendingNames = new ArrayList<>();
  private final Set<Path> locked = new HashSet<>();
  private Observer observer = NOBODY;
  private boolean fileForceWorks = true;
  private boolean folderForceWorks = true;
  private long callsUntilFault = Long.MAX_VALUE;
  private String fault = "";

  /** A change of names: {@code from} goes, {@code to} comes; either may be null. */
  private record Renaming(Path from, Path to, CrashFile file) {
    void applyTo(Map<Path, CrashFile> target) {
      if (from != null) {
        target.remove(from);
      }
      if (to != null) {
        target.put(to, file);
      }
    }
  }

  CrashFs observedBy(Observer value) {
    observer = value;
    return this;
  }

  CrashFs unobserved() {
    return observedBy(NOBODY);
  }

  /** A disk that lies: forcing a file does nothing. */
  CrashFs withoutFileForce() {
    fileForceWorks = false;
    return this;
  }

  /** A disk that lies: forcing a folder does nothing. */
  CrashFs withoutFolderForce() {
    folderForceWorks = false;
    return this;
  }

  /**
   * The changing call after the next {@code calls} ones fails, and all later ones; a write gets
   * half-way.
   */
  void failAfter(long calls, String message) {
    callsUntilFault = calls;
    fault = message;
  }

  void heal() {
    callsUntilFault = Long.MAX_VALUE;
  }

  /** The process has died, the machine has not: nothing is lost, and nothing has become durable. */
  CrashFs kill() {
    var copies = new HashMap<CrashFile, CrashFile>();
    var killed = new CrashFs();
    names.forEach((path, file) -> killed.names.put(path, file.copyInto(killed, copies)));
    durableNames.forEach(
        (path, file) -> killed.durableNames.put(path, file.copyInto(killed, copies)));
    for (Renaming r : pendingNames) {
      var file = r.file() == null ? null : r.file().copyInto(killed, copies);
      killed.pendingNames.add(new Renaming(r.from(), r.to(), file));
    }
    killed.fileForceWorks = fileForceWorks;
    killed.folderForceWorks = folderForceWorks;
    return killed;
  }

  /** The power has failed: what the next boot finds, one of many possibilities. */
  CrashFs crash(RandomGenerator random) {
    return image(Survival.random(random), Survival.random(random), random);
  }

  /** The power has failed, and the disk has kept nothing that it did not have to keep. */
  CrashFs crashLosingAll(RandomGenerator random) {
    return image(Survival.NONE, Survival.NONE, random);
  }

  private CrashFs image(Survival ofNames, Survival ofBytes, RandomGenerator random) {
    var survivors = new TreeMap<>(durableNames);
    for (Renaming renaming : ofNames.of(pendingNames, random)) {
      renaming.applyTo(survivors);
    }
    var image = new CrashFs();
    survivors.forEach(
        (path, file) -> {
          byte[] bytes = file.afterPowerLoss(ofBytes, random);
          var copy = new CrashFile(image, bytes);
          image.names.put(path, copy);
          image.durableNames.put(path, copy);
        });
    image.fileForceWorks = fileForceWorks;
    image.folderForceWorks = folderForceWorks;
    return image;
  }

  /** Of all names and bytes; equal for equal images. */
  long fingerprint() {
    long hash = 17;
    for (var entry : names.entrySet()) {
      hash = hash * 1_000_003 + entry.getKey().hashCode();
      hash = hash * 1_000_003 + entry.getValue().fingerprint();
    }
    return hash;
  }

  Set<Path> files() {
    return names.keySet();
  }

  byte[] bytes(Path file) {
    return names.get(file).content();
  }

  /** Puts a durable file there, past all observers. */
  void put(Path path, byte[] bytes) {
    var file = new CrashFile(this, bytes);
    names.put(path, file);
    durableNames.put(path, file);
  }

  /** Takes a file away durably, past all observers. */
  void remove(Path path) {
    names.remove(path);
    durableNames.remove(path);
  }

  @Override
  public void createFolder(Path folder) {
    // Folders are always there.
  }

  @Override
  public List<Path> list(Path folder) {
    return names.keySet().stream().filter(path -> path.getParent().equals(folder)).toList();
  }

  @Override
  public DiskFile create(Path path) throws IOException {
    var file = new CrashFile(this, new byte[0]);
    changing("create", () -> rename(new Renaming(null, path, file)));
    return file.opened();
  }

  @Override
  public DiskFile open(Path path) throws IOException {
    CrashFile file = names.get(path);
    if (file == null) {
      throw new NoSuchFileException(path.toString());
    }
    return file.opened();
  }

  @Override
  public void rename(Path from, Path to) throws IOException {
    changing("rename", () -> rename(new Renaming(from, to, names.get(from))));
  }

  @Override
  public void link(Path existing, Path name) throws IOException {
    CrashFile file = names.get(existing);
    if (file == null || names.containsKey(name)) {
      throw new IOException("cannot link " + existing + " to " + name);
    }
    changing("link", () -> rename(new Renaming(null, name, file)));
  }

  @Override
  public void delete(Path path) throws IOException {
    if (names.containsKey(path)) {
      changing("delete", () -> rename(new Renaming(path, null, null)));
    }
  }

  @Override
  public void forceDirectory(Path folder) throws IOException {
    changing(
        "force folder",
        () -> {
          if (folderForceWorks) {
            durableNames.clear();
            durableNames.putAll(names);
            pendingNames.clear();
          }
        });
  }

  @Override
  public Closeable lock(Path file) {
    if (!locked.add(file)) {
      throw new LogInUseException(file, "this process");
    }
    return () -> locked.remove(file);
  }

  private void rename(Renaming renaming) {
    renaming.applyTo(names);
    pendingNames.add(renaming);
  }

  interface Step {
    void run() throws IOException;
  }

  void changing(String call, Step step) throws IOException {
    changing(call, step, () -> {});
  }

  /**
   * @param halfOfIt what is done of the step if it fails
   */
  void changing(String call, Step step, Step halfOfIt) throws IOException {
    observer.at("before " + call);
    if (callsUntilFault-- <= 0) {
      callsUntilFault = 0;
      halfOfIt.run();
      throw new IOException(fault);
    }
    step.run();
    observer.at("after " + call);
  }

  boolean fileForceWorks() {
    return fileForceWorks;
  }

  static IOException closed() {
    return new ClosedChannelException();
  }

  static ByteBuffer readOnly(byte[] bytes) {
    return ByteBuffer.wrap(bytes).asReadOnlyBuffer();
  }
}
