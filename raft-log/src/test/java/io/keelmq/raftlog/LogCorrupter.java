package io.keelmq.raftlog;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Damages the files of a log at rest, one way at a time. */
final class LogCorrupter {

  /**
   * @param files what the log is when damaged
   */
  record Damage(String name, CrashFs files) {}

  private final CrashFs sound;

  LogCorrupter(CrashFs sound) {
    this.sound = sound;
  }

  /** One bit of every byte of every file, one file at a time. */
  List<Damage> flips() {
    List<Damage> damages = new ArrayList<>();
    for (Path file : sound.files()) {
      for (int at = 0; at < sound.bytes(file).length; at++) {
        byte[] bytes = sound.bytes(file).clone();
        bytes[at] ^= (byte) (1 << (at % 8));
        damages.add(replaced("flip " + at, file, bytes));
      }
    }
    return damages;
  }

  /** Every file cut at many lengths, all of the short ones among them, or made longer. */
  List<Damage> truncations() {
    List<Damage> damages = new ArrayList<>();
    for (Path file : sound.files()) {
      byte[] bytes = sound.bytes(file);
      for (int length = 0; length < bytes.length; length += length < 200 ? 1 : 7) {
        damages.add(replaced("cut to " + length, file, Arrays.copyOf(bytes, length)));
      }
      damages.add(replaced("longer", file, Arrays.copyOf(bytes, bytes.length + 100)));
    }
    return damages;
  }

  List<Damage> deletions() {
    List<Damage> damages = new ArrayList<>();
    for (Path file : sound.files()) {
      var copy = sound.kill();
      copy.remove(file);
      damages.add(new Damage("delete " + file, copy));
    }
    return damages;
  }

  /** Every two files with each other's content. */
  List<Damage> swaps() {
    List<Damage> damages = new ArrayList<>();
    for (Path one : sound.files()) {
      for (Path other : sound.files()) {
        if (one.compareTo(other) < 0) {
          var copy = sound.kill();
          copy.put(one, sound.bytes(other));
          copy.put(other, sound.bytes(one));
          damages.add(new Damage("swap " + one + " and " + other, copy));
        }
      }
    }
    return damages;
  }

  private Damage replaced(String how, Path file, byte[] bytes) {
    var copy = sound.kill();
    copy.put(file, bytes);
    return new Damage(how + " of " + file, copy);
  }
}
