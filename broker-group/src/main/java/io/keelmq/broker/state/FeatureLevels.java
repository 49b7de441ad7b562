package io.keelmq.broker.state;

/**
 * The row that says which feature level the group has. It rises by one at a time and never falls,
 * and what an entry may hold is judged by it as it stands at that entry, on every replica alike.
 * Owned by the apply thread.
 */
final class FeatureLevels {

  private final Tables tables;

  FeatureLevels(Tables tables) {
    this.tables = tables;
  }

  static Features read(TableReads tables) {
    return tables
        .get(Table.META, Keys.FEATURE_LEVEL)
        .map(FeatureLevels::row)
        .orElse(Features.FIRST);
  }

  Outcome raise(LogEntryInfo entry, Command.RaiseLevel command) {
    Features now = read(tables);
    if (now.reaches(command.level())) {
      // Told again, or by a leader that did not know of it.
      return Outcome.of(new Reply.Done());
    }
    if (!Names.isPrintable(command.softwareVersion(), Limits.MAX_VERSION)) {
      return Outcome.rejected(
          Rejection.INVALID,
          "software version: expected 1 to %d printable characters".formatted(Limits.MAX_VERSION));
    }
    // That it is one level and no more was judged by what the command needs.
    tables.put(
        Table.META,
        Keys.FEATURE_LEVEL,
        row(new Features(command.level(), command.softwareVersion(), entry.index())));
    return Outcome.of(new Reply.Done(), new Effect.LevelRaised(command.level()));
  }

  /** Whether the group may hold the command; what is to be said if not. */
  Outcome refused(Command command) {
    return Outcome.rejected(
        Rejection.FEATURE_LEVEL,
        "it needs feature level %d, this group is at %d: upgrade every replica, then the leader raises it"
            .formatted(command.neededLevel(), read(tables).level()));
  }

  boolean allow(Command command) {
    return command.neededLevel() <= LevelRange.FIRST || read(tables).reaches(command.neededLevel());
  }

  private static byte[] row(Features features) {
    return new RowWriter(14 + features.raisedBy().length())
        .int32(features.level())
        .text(features.raisedBy())
        .int64(features.raisedAt())
        .done();
  }

  /** Later versions may add to the end of it, and nowhere else. */
  private static Features row(byte[] row) {
    var in = new RowReader(row);
    return new Features(in.int32(), in.text(), in.int64());
  }
}
