package io.keelmq.local;

import io.keelmq.local.DemoText.TextFile;
import java.security.MessageDigest;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;

/**
 * Puts the text together again from the messages as they are read, and counts what is wrong with
 * them. Owned by the reader's thread; whoever else looks does so after that has ended, but for
 * {@link #received}.
 */
final class DemoAssembly {

  private final DemoText text;
  private final Map<String, Part> parts = new HashMap<>();
  private volatile long received;
  private long duplicated;
  private long outOfOrder;
  private long foreign;

  /** The lines of one file that have come. */
  private static final class Part {
    private final String[] lines;
    private int lastNumber = -1;

    Part(int lines) {
      this.lines = new String[lines];
    }
  }

  DemoAssembly(DemoText text) {
    this.text = text;
    for (TextFile file : text.files()) {
      parts.put(file.name(), new Part(file.lines().size()));
    }
  }

  /**
   * @param file the message's key
   * @param number of the line in its file, from 0
   */
  @SuppressWarnings("NonAtomicVolatileUpdate") // One writer.
  void add(String file, int number, String line) {
    Part part = parts.get(file);
    if (part == null || number < 0 || number >= part.lines.length) {
      foreign++;
    } else if (part.lines[number] != null) {
      duplicated++;
    } else {
      if (number < part.lastNumber) {
        outOfOrder++;
      }
      part.lastNumber = Math.max(part.lastNumber, number);
      part.lines[number] = line;
    }
    received = received + 1;
  }

  /** Messages so far, whatever they were. Any thread may ask. */
  long received() {
    return received;
  }

  long duplicated() {
    return duplicated;
  }

  long outOfOrder() {
    return outOfOrder;
  }

  /** Messages that are no line of the text. */
  long foreign() {
    return foreign;
  }

  long lost() {
    long lost = 0;
    for (Part part : parts.values()) {
      for (String line : part.lines) {
        if (line == null) {
          lost++;
        }
      }
    }
    return lost;
  }

  /** Of the text as far as it came, computed as {@link DemoText#sha256} is. */
  String sha256() {
    MessageDigest digest = DemoText.newDigest();
    for (TextFile file : text.files()) {
      for (String line : parts.get(file.name()).lines) {
        if (line != null) {
          DemoText.update(digest, line);
        }
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }
}
