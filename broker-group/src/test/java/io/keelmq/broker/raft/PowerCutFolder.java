package io.keelmq.broker.raft;

import io.keelmq.raftlog.Disk;
import io.keelmq.raftlog.DiskFile;
import io.keelmq.raftlog.RealDisk;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiPredicate;
import java.util.stream.Stream;

/**
 * A real folder of which is known what a power loss may leave: for each file the bytes of its last
 * force, for each folder the names of its last force, and of what has changed since then anything.
 *
 * <p>What changes is seen by looking at the folder before and after each call to {@link #disk()},
 * whoever changed it; only what is forced through that disk counts as forced. A rename within a
 * folder is done or not done. Thread-safe.
 */
final class PowerCutFolder {

  private static final int RANDOM_IMAGES = 3;

  /** Which of the changes since the last force are left. */
  private enum Survival {
    NONE,
    ALL,
    ANY
  }

  /**
   * What a start may find after a power loss.
   *
   * @param files by name; {@code null} for a folder
   * @param call when the power went
   * @param promise of {@link #promised} at that time
   */
  record Image(Map<String, byte[]> files, String call, long promise) {

    void writeTo(Path folder) throws IOException {
      for (var each : files.entrySet()) {
        Path path = folder.resolve(each.getKey());
        if (each.getValue() == null) {
          Files.createDirectories(path);
        } else {
          Files.write(path, each.getValue());
        }
      }
    }

    private int fingerprint() {
      int hash = Long.hashCode(promise);
      for (var each : files.entrySet()) {
        hash = 31 * hash + each.getKey().hashCode();
        hash = 31 * hash + Arrays.hashCode(each.getValue());
      }
      return hash;
    }
  }

  /** A file or a folder, whatever its names are. */
  private static final class Node {
    private final boolean folder;
    private byte[] durableBytes = {};
    private byte[] bytes = {};
    private Map<String, Node> durableNames = new TreeMap<>();
    private Map<String, Node> names = new TreeMap<>();

    Node(boolean folder) {
      this.folder = folder;
    }
  }

  private final Path root;
  private final Set<String> watched;
  private final Random random;

  /** Those that are there, by what the file system calls them. */
  private final Map<Object, Node> nodes = new HashMap<>();

  private final List<Image> images = new ArrayList<>();
  private final Set<Integer> fingerprints = new HashSet<>();
  private BiPredicate<String, Path> lies = (call, path) -> false;
  private boolean recording;
  private long promise;

  /**
   * @param watched the folders in {@code root} that are looked at
   */
  PowerCutFolder(Path root, Set<String> watched, Random random) {
    this.root = root;
    this.watched = watched;
    this.random = random;
  }

  /** Forces that do nothing: {@code force} of a file, {@code forceDirectory} of a folder. */
  PowerCutFolder lyingAbout(BiPredicate<String, Path> which) {
    lies = which;
    return this;
  }

  /** Cuts the power before and after each call from now on, or no more. */
  synchronized void record(boolean value) {
    recording = value;
  }

  /** From now on nothing may be left that is older. */
  synchronized void promised(long value) {
    promise = value;
    cut("after all was done");
  }

  synchronized List<Image> images() {
    return List.copyOf(images);
  }

  Disk disk() {
    return watch(Disk.class, new RealDisk(), Optional.empty());
  }

  private <T> T watch(Class<T> port, T real, Optional<Path> open) {
    return port.cast(
        Proxy.newProxyInstance(
            getClass().getClassLoader(),
            new Class<?>[] {port},
            (proxy, method, arguments) -> {
              Path path = open.orElseGet(() -> arguments[0] instanceof Path given ? given : root);
              Object result = call(method.getName(), path, () -> method.invoke(real, arguments));
              return result instanceof DiskFile opened
                  ? watch(DiskFile.class, opened, Optional.of(path))
                  : result;
            }));
  }

  private interface Call {
    Object run() throws ReflectiveOperationException;
  }

  private Object call(String name, Path path, Call call) throws Throwable {
    try {
      return switch (name) {
        case "read", "size", "map", "list", "lock", "open", "close" -> call.run();
        case "createFolder" -> creating(path, call);
        default -> changing(name, path, call);
      };
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  private synchronized Object creating(Path folder, Call call)
      throws IOException, ReflectiveOperationException {
    var missing = new ArrayList<Path>();
    for (Path each = folder; !each.equals(root) && !Files.exists(each); each = each.getParent()) {
      missing.add(each);
    }
    Object result = changing("createFolder", folder, call);
    look();
    for (Path each : missing) {
      at(each.getParent())
          .ifPresent(
              parent -> {
                String name = each.getFileName().toString();
                Optional.ofNullable(parent.names.get(name))
                    .ifPresent(made -> parent.durableNames.put(name, made));
              });
    }
    return result;
  }

  private synchronized Object changing(String name, Path path, Call call)
      throws IOException, ReflectiveOperationException {
    cut("before " + name + " of " + path.getFileName());
    Optional<Node> node = at(path);
    Object result = call.run();
    if (name.startsWith("force") && !lies.test(name, path)) {
      node.ifPresent(
          forced -> {
            forced.durableBytes = forced.bytes;
            forced.durableNames = new TreeMap<>(forced.names);
          });
    }
    cut("after " + name + " of " + path.getFileName());
    return result;
  }

  private void cut(String call) {
    try {
      look();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    if (recording) {
      keep(Survival.NONE, Survival.NONE, call);
      keep(Survival.ALL, Survival.NONE, call);
      keep(Survival.ALL, Survival.ALL, call);
      for (int i = 0; i < RANDOM_IMAGES; i++) {
        keep(Survival.ANY, Survival.ANY, call);
      }
    }
  }

  private void keep(Survival ofNames, Survival ofBytes, String call) {
    var files = new LinkedHashMap<String, byte[]>();
    try {
      at(root).ifPresent(node -> survive(node, "", ofNames, ofBytes, files));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    var image = new Image(files, call, promise);
    if (fingerprints.add(image.fingerprint())) {
      images.add(image);
    }
  }

  private void survive(
      Node node, String path, Survival ofNames, Survival ofBytes, Map<String, byte[]> found) {
    if (!node.folder) {
      found.put(path, survivor(node, ofBytes));
      return;
    }
    if (!path.isEmpty()) {
      found.put(path, null);
    }
    names(node, ofNames)
        .forEach(
            (name, child) ->
                survive(child, path.isEmpty() ? name : path + "/" + name, ofNames, ofBytes, found));
  }

  private Map<String, Node> names(Node folder, Survival survival) {
    var left = new TreeMap<>(folder.durableNames);
    var changed = new TreeSet<>(folder.durableNames.keySet());
    changed.addAll(folder.names.keySet());
    changed.removeIf(
        name -> {
          Node before = folder.durableNames.get(name);
          return before != null && before.equals(folder.names.get(name));
        });
    for (String name : List.copyOf(changed)) {
      Node now = folder.names.get(name);
      boolean survives =
          survival == Survival.ALL || (survival == Survival.ANY && random.nextBoolean());
      if (now == null || !changed.contains(name)) {
        continue;
      }
      changed.remove(name);
      if (survives) {
        left.put(name, now);
        // Its old name goes in the same instant.
        changed.removeIf(old -> now.equals(folder.durableNames.get(old)) && left.remove(old, now));
      } else {
        changed.removeIf(old -> now.equals(folder.durableNames.get(old)));
      }
    }
    for (String gone : changed) {
      if (survival == Survival.ALL || (survival == Survival.ANY && random.nextBoolean())) {
        left.remove(gone);
      }
    }
    return left;
  }

  private byte[] survivor(Node file, Survival survival) {
    return switch (survival) {
      case NONE -> file.durableBytes;
      case ALL -> file.bytes;
      case ANY ->
          switch (random.nextInt(3)) {
            case 0 -> file.durableBytes;
            case 1 -> file.bytes;
            default -> torn(file);
          };
    };
  }

  /** What is not durable is there in part. */
  private byte[] torn(Node file) {
    if (Arrays.equals(file.durableBytes, file.bytes)) {
      return file.bytes;
    }
    int same = Math.max(0, Arrays.mismatch(file.durableBytes, file.bytes));
    int least = Math.min(same, file.bytes.length);
    return Arrays.copyOf(file.bytes, least + random.nextInt(file.bytes.length - least + 1));
  }

  private Optional<Node> at(Path path) throws IOException {
    return Files.exists(path) ? Optional.ofNullable(nodes.get(key(path))) : Optional.empty();
  }

  private static Object key(Path path) throws IOException {
    return Files.readAttributes(path, BasicFileAttributes.class).fileKey();
  }

  private void look() throws IOException {
    var seen = new HashSet<Object>();
    look(root, seen);
    var gone = new HashSet<>(nodes.keySet());
    gone.removeAll(seen);
    for (Object key : gone) {
      // With a folder, all that was in it. What is made next may be called the same.
      nodes.remove(key).names = new TreeMap<>();
    }
  }

  private Node look(Path path, Set<Object> seen) throws IOException {
    var attributes = Files.readAttributes(path, BasicFileAttributes.class);
    Object key = attributes.fileKey();
    Node known = nodes.get(key);
    Node node =
        known != null && known.folder == attributes.isDirectory()
            ? known
            : new Node(attributes.isDirectory());
    nodes.put(key, node);
    if (!seen.add(key)) {
      return node;
    }
    if (!node.folder) {
      node.bytes = Files.readAllBytes(path);
      return node;
    }
    var names = new TreeMap<String, Node>();
    for (Path child : children(path)) {
      try {
        names.put(child.getFileName().toString(), look(child, seen));
      } catch (NoSuchFileException | NotDirectoryException e) {
        // Somebody else has just deleted it.
      }
    }
    node.names = names;
    return node;
  }

  private List<Path> children(Path folder) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(
              child -> !folder.equals(root) || watched.contains(child.getFileName().toString()))
          .toList();
    }
  }
}
