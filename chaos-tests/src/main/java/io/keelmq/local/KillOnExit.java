package io.keelmq.local;

/**
 * While open, the end of this JVM (Ctrl-C too) ends every process of a cluster. What even that
 * leaves behind, after a SIGKILL to this JVM, {@code scripts/cluster stop --dir} finds by the
 * cluster's file. Thread-safe.
 */
public final class KillOnExit implements AutoCloseable {

  private final Thread hook;

  public KillOnExit(LocalCluster cluster) {
    this(cluster, () -> {});
  }

  /**
   * @param then called when the processes are gone
   */
  public KillOnExit(LocalCluster cluster, Runnable then) {
    hook =
        new Thread(
            () -> {
              cluster.killEverything();
              then.run();
            },
            "kill-on-exit");
    Runtime.getRuntime().addShutdownHook(hook);
  }

  @Override
  public void close() {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The JVM is ending already, and the hook runs.
      hook.isAlive();
    }
  }
}
