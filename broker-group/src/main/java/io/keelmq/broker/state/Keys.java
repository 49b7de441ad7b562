package io.keelmq.broker.state;

import java.util.Arrays;

/**
 * The key of every row, table by table. Stored, so never changed: a new kind of row gets a new
 * letter.
 *
 * <pre>
 * META       A                                applied: index, term, time, digest
 *            D index                          digest after what came before the index
 *            N                                the next id of a topic or consumer group
 *            V                                log index of the last change of topics
 *            L                                feature level, who raised it, and where
 *            C name                           a counter
 * CATALOG    T topic name                     topic
 *            t topic id                       topic name
 *            Q topic id, queue                first offset, end offset, last run
 *            G consumer group name            id, kind
 *            g consumer group id              name
 *            E consumer group id, topic id    epoch
 *            O topic id, group id, queue      committed offset
 *            M node                           a member's seat: addresses and incarnations
 *            I                                the highest incarnation that was ever given
 * RUNS       topic id, queue, first offset    where the run stands in the log
 * DEDUP      p producer id                    epoch, last sequence, when last used
 *            q producer id, slot              receipt of one batch
 *            u minute, producer id            producers by last use
 *            m topic id, client id, msg id    receipt of one message
 *            n time, index, ordinal           message ids by age
 *            o origin id, sequence            reply to one command
 *            r time, origin id, sequence      replies by age
 *            d topic id, index, position      how a half message was decided
 *            e time, topic, index, position   decisions by age
 * DEADLINES  time, kind, subject              what is due
 * LEASES     topic id, group id, queue, and behind them:
 *            C                                cursor: generation, next offset, counts
 *            L generation, index, ordinal     batch that is leased or ready
 *            R generation, first offset, L    ready batches by offset
 *            F generation, hash               message group: its batch, and what is blocked behind
 *            K generation, hash, first offset blocked messages of a message group
 * HELD       topic id, log index, position    delayed or half run; called after where it was stored
 * </pre>
 */
final class Keys {

  static final byte[] APPLIED = {'A'};
  static final byte[] NEXT_ID = {'N'};
  static final byte[] TOPICS_VERSION = {'V'};
  static final byte[] FEATURE_LEVEL = {'L'};

  private Keys() {}

  static byte[] digest(long index) {
    return new RowWriter(9).int8('D').int64(index).done();
  }

  static boolean isDigest(Table table, byte[] key) {
    return table == Table.META && key[0] == 'D';
  }

  static byte[] counter(String name) {
    return new RowWriter(24).int8('C').text(name).done();
  }

  static byte[] topic(String name) {
    return new RowWriter(3 + name.length()).int8('T').text(name).done();
  }

  static byte[] topicName(long topicId) {
    return new RowWriter(9).int8('t').int64(topicId).done();
  }

  static byte[] queue(long topicId, int queue) {
    return new RowWriter(13).int8('Q').int64(topicId).int32(queue).done();
  }

  static byte[] queues(long topicId) {
    return new RowWriter(9).int8('Q').int64(topicId).done();
  }

  static byte[] group(String name) {
    return new RowWriter(3 + name.length()).int8('G').text(name).done();
  }

  static byte[] groupName(long groupId) {
    return new RowWriter(9).int8('g').int64(groupId).done();
  }

  static byte[] epoch(long groupId, long topicId) {
    return new RowWriter(17).int8('E').int64(groupId).int64(topicId).done();
  }

  static byte[] epochs(long groupId) {
    return new RowWriter(9).int8('E').int64(groupId).done();
  }

  static byte[] committed(long topicId, long groupId, int queue) {
    return new RowWriter(21).int8('O').int64(topicId).int64(groupId).int32(queue).done();
  }

  static byte[] committedOfTopic(long topicId) {
    return new RowWriter(9).int8('O').int64(topicId).done();
  }

  static byte[] committedOfGroup(long topicId, long groupId) {
    return new RowWriter(17).int8('O').int64(topicId).int64(groupId).done();
  }

  static byte[] run(long topicId, int queue, long firstOffset) {
    return new RowWriter(20).int64(topicId).int32(queue).int64(firstOffset).done();
  }

  static byte[] runs(long topicId, int queue) {
    return new RowWriter(12).int64(topicId).int32(queue).done();
  }

  static byte[] runsOfTopic(long topicId) {
    return new RowWriter(8).int64(topicId).done();
  }

  static byte[] producer(String producerId) {
    return new RowWriter(3 + producerId.length()).int8('p').text(producerId).done();
  }

  static byte[] producerSlot(String producerId, int slot) {
    return new RowWriter(5 + producerId.length()).int8('q').text(producerId).int16(slot).done();
  }

  static byte[] producerByUse(long minute, String producerId) {
    return new RowWriter(11 + producerId.length()).int8('u').int64(minute).text(producerId).done();
  }

  static byte[] messageId(long topicId, String clientId, String messageId) {
    return new RowWriter(13 + clientId.length() + messageId.length())
        .int8('m')
        .int64(topicId)
        .text(clientId)
        .text(messageId)
        .done();
  }

  static byte[] messageIdByAge(long timeMillis, long index, int ordinal) {
    return new RowWriter(21).int8('n').int64(timeMillis).int64(index).int32(ordinal).done();
  }

  static byte[] reply(CommandOrigin origin) {
    return new RowWriter(17).int8('o').int64(origin.id()).int64(origin.sequence()).done();
  }

  static byte[] replyByAge(long timeMillis, CommandOrigin origin) {
    return new RowWriter(25)
        .int8('r')
        .int64(timeMillis)
        .int64(origin.id())
        .int64(origin.sequence())
        .done();
  }

  static byte[] decision(long topicId, HeldId held) {
    return new RowWriter(21)
        .int8('d')
        .int64(topicId)
        .int64(held.logIndex())
        .int32(held.position())
        .done();
  }

  static byte[] decisionByAge(long timeMillis, long topicId, HeldId held) {
    return new RowWriter(29)
        .int8('e')
        .int64(timeMillis)
        .int64(topicId)
        .int64(held.logIndex())
        .int32(held.position())
        .done();
  }

  static byte[] held(long topicId, HeldId held) {
    return new RowWriter(20).int64(topicId).int64(held.logIndex()).int32(held.position()).done();
  }

  static byte[] heldOfTopic(long topicId) {
    return new RowWriter(8).int64(topicId).done();
  }

  static final byte[] INCARNATION = {'I'};

  static byte[] member(String node) {
    return new RowWriter(3 + node.length()).int8('M').text(node).done();
  }

  static byte[] prefix(char letter) {
    return new byte[] {(byte) letter};
  }

  /** The least key above all that begin with {@code prefix}, which has a byte below 255. */
  static byte[] after(byte[] prefix) {
    for (int i = prefix.length - 1; i >= 0; i--) {
      if (prefix[i] != (byte) 0xff) {
        byte[] next = Arrays.copyOf(prefix, i + 1);
        next[i]++;
        return next;
      }
    }
    throw new IllegalArgumentException("no key sorts after a prefix of 255s");
  }

  static boolean startsWith(byte[] key, byte[] prefix) {
    return key.length >= prefix.length
        && Arrays.equals(key, 0, prefix.length, prefix, 0, prefix.length);
  }
}
