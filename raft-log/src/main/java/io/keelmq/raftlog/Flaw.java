package io.keelmq.raftlog;

/** What is wrong with some bytes. Immutable. */
record Flaw(String expected, String found) {

  static Flaw checksum(int expected, int found) {
    return new Flaw("checksum 0x%08x".formatted(expected), "0x%08x".formatted(found));
  }
}
