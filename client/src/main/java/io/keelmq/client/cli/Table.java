package io.keelmq.client.cli;

import java.util.ArrayList;
import java.util.List;

/**
 * Rows with aligned columns for people. For one thread.
 *
 * <p>Widths come from the rows, which are therefore held until {@link #print}: for lists that a
 * cluster bounds, not for messages.
 */
final class Table {
  private static final String GAP = "  ";

  private final List<String[]> rows = new ArrayList<>();

  Table(String... heads) {
    rows.add(heads);
  }

  Table row(Object... cells) {
    var row = new String[rows.get(0).length];
    for (int i = 0; i < row.length; i++) {
      row[i] = printable(String.valueOf(cells[i]));
    }
    rows.add(row);
    return this;
  }

  void print(Output out) {
    var widths = new int[rows.get(0).length];
    for (String[] row : rows) {
      for (int i = 0; i < row.length; i++) {
        widths[i] = Math.max(widths[i], row[i].codePointCount(0, row[i].length()));
      }
    }
    for (String[] row : rows) {
      out.line(line(row, widths));
    }
  }

  /** The cells, each but the last padded to its width. */
  static String line(String[] cells, int[] widths) {
    var line = new StringBuilder();
    for (int i = 0; i < cells.length; i++) {
      line.append(cells[i]);
      if (i < cells.length - 1) {
        int missing = widths[i] - cells[i].codePointCount(0, cells[i].length());
        line.append(" ".repeat(Math.max(0, missing))).append(GAP);
      }
    }
    return line.toString().stripTrailing();
  }

  /** Control characters would break the columns, or do worse to a terminal. */
  static String printable(String text) {
    StringBuilder changed = null;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isISOControl(c)) {
        if (changed == null) {
          changed = new StringBuilder(text.length() + 16).append(text, 0, i);
        }
        switch (c) {
          case '\n' -> changed.append("\\n");
          case '\r' -> changed.append("\\r");
          case '\t' -> changed.append("\\t");
          default -> changed.append("\\x%02x".formatted((int) c));
        }
      } else if (changed != null) {
        changed.append(c);
      }
    }
    return changed == null ? text : changed.toString();
  }
}
