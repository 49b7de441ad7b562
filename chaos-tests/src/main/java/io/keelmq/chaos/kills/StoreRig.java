package io.keelmq.chaos.kills;

import io.keelmq.broker.state.BrokerState;
import io.keelmq.broker.store.RocksTables;
import io.keelmq.failpoint.Failpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.rocksdb.RocksDB;
import org.slf4j.Logger;

/**
 * Kills a child in the middle of its rows. What is left must be the rows after one commit, in all
 * tables alike: one that is not older than the last flush; and in the middle of a replacement the
 * old ones, the new ones or none, so that replacing them again makes them the new ones.
 */
public final class StoreRig implements Rig {

  private static final Set<Class<?>> CLASS_PATH =
      Set.of(
          StoreScript.class,
          RocksTables.class,
          BrokerState.class,
          RocksDB.class,
          Failpoint.class,
          Logger.class);

  @Override
  public String name() {
    return "rows";
  }

  @Override
  public Set<Failpoint> failpoints() {
    return EnumSet.range(Failpoint.ROWS_CREATED, Failpoint.SWAP_DONE);
  }

  @Override
  public Outcome kill(Failpoint failpoint, long hit, Path folder) throws IOException {
    long began = System.nanoTime();
    var problems = new ArrayList<String>();
    DyingChild child =
        DyingChild.run(
            StoreScript.class,
            failpoint + ":" + hit,
            CLASS_PATH,
            folder.resolve("output"),
            folder.toString());
    boolean died = child.diedAt(failpoint, hit);
    if (!died && !child.finished()) {
      problems.add(child.lastWords());
    }
    judge(folder, problems);
    return new Outcome(
        name(), failpoint, hit, died, problems, (System.nanoTime() - began) / 1_000_000);
  }

  static void judge(Path folder, List<String> problems) throws IOException {
    String done = StoreScript.stepsDone(folder);
    try (RocksTables tables = RocksTables.open(StoreScript.store(folder))) {
      Optional<Integer> found = StoreScript.found(tables);
      if (found.isEmpty() || !isAllowed(found.get(), done)) {
        problems.add("after %s the rows are those of commit %s".formatted(done, found));
      }
      if (done.contains("k")) {
        tables.restore(StoreScript.checkpoint(folder));
        Optional<Integer> restored = StoreScript.found(tables);
        if (!restored.equals(Optional.of(StoreScript.CHECKPOINT))) {
          problems.add("replaced by the checkpoint the rows are those of " + restored);
        }
      }
    } catch (RuntimeException e) {
      problems.add("after %s: %s".formatted(done, e));
    }
    for (String unfinished : List.of("store.new", "store.restored", "store.discarded")) {
      if (Files.exists(folder.resolve(unfinished))) {
        problems.add(unfinished + " is still there");
      }
    }
  }

  private static boolean isAllowed(int found, String done) {
    int commits = (int) done.chars().filter(step -> step == 'c').count();
    if (done.endsWith("r")) {
      return found == StoreScript.CHECKPOINT;
    }
    if (commits == StoreScript.MOST && (found == 0 || found == StoreScript.CHECKPOINT)) {
      // In the middle of the replacement.
      return true;
    }
    return found >= durable(done) && found <= commits + 1;
  }

  private static int durable(String done) {
    int commits = 0;
    int durable = 0;
    for (int i = 0; i < done.length(); i++) {
      char step = done.charAt(i);
      commits += step == 'c' ? 1 : 0;
      durable = step == 'f' || step == 'k' ? commits : durable;
    }
    return durable;
  }
}
