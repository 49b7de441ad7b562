package io.keelmq.local;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * A process that we started, told from every other one that ever had its pid by the moment it
 * started: nothing is ever signalled on the word of a bare pid. Immutable; survives in the
 * cluster's file.
 *
 * @param started {@code ticks:N} since the machine started, where there is a /proc (a clock that is
 *     set does not change it), else {@code millis:N} since 1970
 */
public record ProcessId(long pid, String started) {

  enum Signal {
    STOP,
    CONT
  }

  private static final long KILL_COMMAND_SECONDS = 10;

  /** The start as computed from the wall clock moves when that clock is set. */
  private static final long MILLIS_TOLERANCE = 2_000;

  /** Of a process that runs now; empty if it is gone already. */
  static Optional<ProcessId> of(long pid) {
    return startOf(pid).map(started -> new ProcessId(pid, started));
  }

  /** False also for a zombie that nobody has reaped: it holds neither ports nor files. */
  boolean isRunning() {
    return startOf(pid).filter(this::sameStart).isPresent() && !isZombie();
  }

  boolean isPaused() {
    return isRunning() && state() == 'T';
  }

  /** SIGTERM. */
  void terminate() {
    if (isRunning()) {
      ProcessHandle.of(pid).ifPresent(ProcessHandle::destroy);
    }
  }

  /** SIGKILL. */
  void kill() {
    if (isRunning()) {
      ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
    }
  }

  void send(Signal signal) {
    if (!isRunning()) {
      return;
    }
    var command = new ProcessBuilder("kill", "-" + signal, Long.toString(pid));
    command.redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD);
    try {
      var process = command.start();
      if (!process.waitFor(KILL_COMMAND_SECONDS, TimeUnit.SECONDS) || process.exitValue() != 0) {
        process.destroyForcibly();
        throw new ClusterFailure(
            ClusterFailure.Kind.FAILED, "kill -" + signal + " " + pid + " did not succeed");
      }
    } catch (IOException e) {
      throw new ClusterFailure(
          ClusterFailure.Kind.FAILED, "cannot run kill -" + signal + " " + pid, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ClusterFailure(ClusterFailure.Kind.FAILED, "interrupted", e);
    }
  }

  /**
   * The first thread of a killed process is a zombie while others are still ending, and until the
   * last of them has ended the process keeps its sockets.
   */
  private boolean isZombie() {
    var fields = statFields(pid);
    if (fields.length > 17) {
      return fields[0].equals("Z") && fields[17].equals("1");
    }
    return state() == 'Z';
  }

  private boolean sameStart(String now) {
    if (started.startsWith("millis:") && now.startsWith("millis:")) {
      long gap = Long.parseLong(now.substring(7)) - Long.parseLong(started.substring(7));
      return Math.abs(gap) <= MILLIS_TOLERANCE;
    }
    return started.equals(now);
  }

  private static Optional<String> startOf(long pid) {
    var fields = statFields(pid);
    if (fields.length > 19) {
      return Optional.of("ticks:" + fields[19]);
    }
    return ProcessHandle.of(pid)
        .flatMap(handle -> handle.info().startInstant())
        .map(Instant::toEpochMilli)
        .map(millis -> "millis:" + millis);
  }

  /** R, S, D, T (stopped), Z (zombie); 'R' where it cannot be found out. */
  private char state() {
    var fields = statFields(pid);
    return fields.length > 0 ? fields[0].charAt(0) : stateByPs();
  }

  private char stateByPs() {
    try {
      var process = new ProcessBuilder("ps", "-o", "stat=", "-p", Long.toString(pid)).start();
      String out =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      return out.isEmpty() ? 'R' : out.charAt(0);
    } catch (IOException e) {
      return 'R';
    }
  }

  /** The fields of /proc/PID/stat from the third one (the state) on; none without /proc. */
  private static String[] statFields(long pid) {
    try {
      String stat =
          Files.readString(Path.of("/proc/" + pid + "/stat"), StandardCharsets.ISO_8859_1);
      // The second field is the program's name in parentheses and may hold spaces and parentheses.
      return stat.substring(stat.lastIndexOf(')') + 2).split(" ");
    } catch (IOException e) {
      return new String[0];
    }
  }
}
