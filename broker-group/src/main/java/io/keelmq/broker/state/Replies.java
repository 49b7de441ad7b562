package io.keelmq.broker.state;

import java.util.Optional;

/**
 * Replies given lately, by origin: a command that comes again, because its outcome was in doubt,
 * changes nothing and gets the reply it got first. Rejections are remembered too, or a straggling
 * copy of a rejected command could take effect after its caller was told that it had not.
 *
 * <p>Owned by the apply thread.
 */
final class Replies {

  private final Tables tables;
  private final Counters counters;
  private final OldestRows byAge;

  Replies(Tables tables, Counters counters) {
    this.tables = tables;
    this.counters = counters;
    this.byAge = new OldestRows(tables, Table.DEDUP, Keys.prefix('r'));
  }

  Optional<Reply> find(CommandOrigin origin) {
    return tables.get(Table.DEDUP, Keys.reply(origin)).map(Rows::reply);
  }

  boolean hasRoom(LogEntryInfo entry) {
    if (counters.get(Counters.REPLIES) < Limits.MAX_REPLIES) {
      return true;
    }
    return byAge.first(1).stream().anyMatch(oldest -> isOld(entry, oldest));
  }

  void remember(LogEntryInfo entry, CommandOrigin origin, Reply reply) {
    int forgotten = 0;
    for (var row : byAge.first(Limits.FORGET_PER_INSERT)) {
      if (!isOld(entry, row)) {
        break;
      }
      var in = new RowReader(row.key()).skip(9);
      tables.delete(Table.DEDUP, Keys.reply(new CommandOrigin(in.int64(), in.int64())));
      tables.delete(Table.DEDUP, row.key());
      forgotten++;
    }
    tables.put(Table.DEDUP, Keys.reply(origin), Rows.reply(reply));
    byte[] age = Keys.replyByAge(entry.timeMillis(), origin);
    tables.put(Table.DEDUP, age, new byte[0]);
    byAge.added(age);
    counters.add(Counters.REPLIES, 1 - forgotten);
  }

  private static boolean isOld(LogEntryInfo entry, TableReads.Row byAge) {
    long given = new RowReader(byAge.key()).skip(1).int64();
    return entry.timeMillis() - given > Limits.REPLY_MILLIS;
  }
}
