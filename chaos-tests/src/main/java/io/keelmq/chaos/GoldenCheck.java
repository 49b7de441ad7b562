package io.keelmq.chaos;

import io.keelmq.broker.ReplicaVersion;
import io.keelmq.broker.state.LevelRange;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.TopicType;
import io.keelmq.local.Waiting;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Whether this version finds in a golden folder what the one that wrote it left there. Stateless.
 */
final class GoldenCheck {

  private static final int NEW_MESSAGES = 20;
  private static final Duration RISES_WITHIN = Duration.ofSeconds(60);

  private GoldenCheck() {}

  /**
   * Opens a golden folder with this version.
   *
   * @param folder empty; it holds the opened folder afterwards
   * @return what is not as the manifest says, or did not go on; empty: nothing
   */
  static List<String> verify(Path archive, List<String> manifest, Path folder) throws Exception {
    GoldenFolder.unpack(archive, folder);
    var flaws = new ArrayList<String>();
    Instant closedAt =
        Instant.ofEpochMilli(
            Long.parseLong(manifest.get(0).substring(GoldenFolder.CLOSED_AT.length())));
    List<String> expected = manifest.subList(1, manifest.size());
    // Nothing may fall due before it is compared, nor the level rise.
    var wall = InstantSource.fixed(closedAt);
    var held = new ReplicaVersion("held", LevelRange.OF_THIS_VERSION.heldAt(LevelRange.FIRST));
    try (var replica = GoldenReplica.open(folder, wall, options -> options.withVersion(held))) {
      compare(expected, GoldenManifest.of(replica.replica()), flaws);
      goOn(replica, flaws);
      replica.requireSound();
    }
    List<String> after;
    try (var replica = GoldenReplica.open(folder, wall, UnaryOperator.identity())) {
      StateView state = replica.replica().state();
      if (!Waiting.until(RISES_WITHIN, () -> state.features().level() == LevelRange.NEWEST)) {
        flaws.add("the feature level stays at " + state.features().level());
      }
      after = GoldenManifest.of(replica.replica());
      replica.requireSound();
    }
    // What was sent has only been added.
    for (String line : expected) {
      if (line.startsWith("    run ") && !after.contains(line)) {
        flaws.add("after new writes and a restart this was gone: " + line.strip());
      }
    }
    return flaws;
  }

  private static void compare(List<String> expected, List<String> found, List<String> flaws) {
    for (int i = 0; i < Math.max(expected.size(), found.size()); i++) {
      String written = i < expected.size() ? expected.get(i) : "nothing";
      String read = i < found.size() ? found.get(i) : "nothing";
      if (!written.equals(read)) {
        flaws.add("line %d: written \"%s\", read \"%s\"".formatted(i + 2, written, read));
      }
    }
  }

  /** New messages, a new snapshot. */
  private static void goOn(GoldenReplica replica, List<String> flaws) {
    StateView state = replica.replica().state();
    long topic = state.topic(GoldenContent.topic(TopicType.PRIORITY)).orElseThrow().id();
    long end = state.bounds(topic, 0).endOffset();
    var content = new GoldenContent(replica).as("a-later-version");
    content.send(TopicType.PRIORITY, 0, NEW_MESSAGES);
    long now = state.bounds(topic, 0).endOffset();
    if (now != end + NEW_MESSAGES) {
      flaws.add(
          "%d messages were sent from %d on, the queue ends at %d"
              .formatted(NEW_MESSAGES, end, now));
    }
    replica.snapshot();
  }
}
