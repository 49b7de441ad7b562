package io.keelmq.chaos.kills;

import io.keelmq.failpoint.Failpoint;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Set;

/** A script that reaches some failpoints, and knows what must be left when it dies at one. */
public interface Rig {

  String name();

  /** Those that it reaches at least once. */
  Set<Failpoint> failpoints();

  /**
   * Runs the script in a child that is to die, and opens what is left.
   *
   * @param hit which hit of the failpoint it is to die at, from 1
   * @param folder empty; nothing is deleted from it
   */
  Outcome kill(Failpoint failpoint, long hit, Path folder) throws IOException;
}
