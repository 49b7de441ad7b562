package io.keelmq.failpoint;

import java.util.Arrays;
import java.util.Locale;

/**
 * Not a test: what a failpoint costs where no process is to die. Does a little arithmetic with and
 * without {@code hit()} in turn, and prints nanoseconds for each call: the medians, and the median
 * of the differences. With {@code -Dkeelmq.failpoint=VOTE_WRITTEN} it measures an armed process
 * that passes by another failpoint.
 */
final class FailpointBench {

  private static final int PASSES = 21;
  private static final int WARM_UP = 4;
  private static final int CALLS = 100_000_000;

  private FailpointBench() {}

  public static void main(String[] args) {
    var without = new double[PASSES];
    var with = new double[PASSES];
    var differences = new double[PASSES];
    long seen = 0;
    for (int pass = -WARM_UP; pass < PASSES; pass++) {
      long began = System.nanoTime();
      seen += plain(pass | 1);
      long between = System.nanoTime();
      seen += hitting(pass | 1);
      long ended = System.nanoTime();
      if (pass >= 0) {
        without[pass] = (between - began) / (double) CALLS;
        with[pass] = (ended - between) / (double) CALLS;
        differences[pass] = with[pass] - without[pass];
      }
    }
    System.out.printf(
        Locale.ROOT,
        "armed=%s passes=%d calls=%d without=%.4f with=%.4f difference=%.4f ns (seen %d)%n",
        Failpoint.armed().orElse("no"),
        PASSES,
        CALLS,
        median(without),
        median(with),
        median(differences),
        seen);
  }

  private static long plain(long start) {
    long x = start;
    for (int i = 0; i < CALLS; i++) {
      x = next(x);
    }
    return x;
  }

  private static long hitting(long start) {
    long x = start;
    for (int i = 0; i < CALLS; i++) {
      x = next(x);
      Failpoint.APPEND_WRITTEN.hit();
    }
    return x;
  }

  private static long next(long x) {
    long y = x ^ (x << 13);
    y ^= y >>> 7;
    return y ^ (y << 17);
  }

  private static double median(double[] values) {
    var sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
