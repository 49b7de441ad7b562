package io.keelmq.local;

/** The program behind {@code scripts/cluster}. */
public final class ClusterMain {

  private ClusterMain() {}

  public static void main(String[] args) {
    LocalProgram.main(new ClusterCommand(), args);
  }
}
