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

  Replies(Tables tables, Counters counters) {
    this.tables = tables;
    this.counters = counters;
  }

  Optional<Reply> find(CommandOrigin origin) {
    return tables.get(Table.DEDUP, Keys.reply(origin)).map(Rows::reply);
  }

  boolean hasRoom(LogEntryInfo entry) {
    if (counters.get(Counters.REPLIES) < Limits.MAX_REPLIES) {
      return true;
    }
    byte[] all = Keys.prefix('r');
    return tables.range(Table.DEDUP, all, Keys.after(all), 1).stream()
        .anyMatch(oldest -> isOld(entry, oldest));
  }

  void remember(LogEntryInfo entry, CommandOrigin origin, Reply reply) {
    byte[] all = Keys.prefix('r');
    int forgotten = 0;
    for (var row : tables.range(Table.DEDUP, all, Keys.after(all), Limits.FORGET_PER_INSERT)) {
      if (!isOld(entry, row)) {
        break;
      }
      var in = new RowReader(row.key()).skip(9);
      tables.delete(Table.DEDUP, Keys.reply(new CommandOrigin(in.int64(), in.int64())));
      tables.delete(Table.DEDUP, row.key());
      forgotten++;
    }
    tables.put(Table.DEDUP, Keys.reply(origin), Rows.reply(reply));
    tables.put(Table.DEDUP, Keys.replyByAge(entry.timeMillis(), origin), new byte[0]);
    counters.add(Counters.REPLIES, 1 - forgotten);
  }

  private static boolean isOld(LogEntryInfo entry, TableReads.Row byAge) {
    long given = new RowReader(byAge.key()).skip(1).int64();
    return entry.timeMillis() - given > Limits.REPLY_MILLIS;
  }
}
