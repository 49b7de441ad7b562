package io.keelmq.broker.rocketmq;

import java.util.Set;

/** Names of properties that RocketMQ keeps for itself: no user property may have one. */
final class ReservedNames {

  private static final Set<String> NAMES =
      Set.of(
          "KEYS",
          "TAGS",
          "WAIT",
          "DELAY",
          "RETRY_TOPIC",
          "REAL_TOPIC",
          "REAL_QID",
          "TRAN_MSG",
          "PGROUP",
          "MIN_OFFSET",
          "MAX_OFFSET",
          "BUYER_ID",
          "ORIGIN_MESSAGE_ID",
          "TRANSFER_FLAG",
          "CORRECTION_FLAG",
          "MQ2_FLAG",
          "RECONSUME_TIME",
          "MSG_REGION",
          "TRACE_ON",
          "UNIQ_KEY",
          "EXTEND_UNIQ_INFO",
          "MAX_RECONSUME_TIMES",
          "CONSUME_START_TIME",
          "INNER_NUM",
          "INNER_BASE",
          "DUP_INFO",
          "CHECK_IMMUNITY_TIME_IN_SECONDS",
          "TRANSACTION_PREPARED_QUEUE_OFFSET",
          "TRANSACTION_CHECK_TIMES",
          "INSTANCE_ID",
          "CORRELATION_ID",
          "REPLY_TO_CLIENT",
          "TTL",
          "ARRIVE_TIME",
          "PUSH_REPLY_TIME",
          "CLUSTER",
          "MSG_TYPE",
          "POP_CK",
          "POP_CK_OFFSET",
          "1ST_POP_TIME",
          "INNER_MULTI_DISPATCH",
          "INNER_MULTI_QUEUE_OFFSET",
          "TRACE_CONTEXT",
          "TIMER_DELAY_SEC",
          "TIMER_DELIVER_MS",
          "TIMER_IN_MS",
          "TIMER_OUT_MS",
          "TIMER_ENQUEUE_MS",
          "TIMER_DEQUEUE_MS",
          "TIMER_ROLL_TIMES",
          "TIMER_DEL_UNIQKEY",
          "TIMER_DELAY_LEVEL",
          "TIMER_DELAY_MS",
          "TIMER_ENGINE_TYPE",
          "CRC32#",
          "__CRC32#",
          "__SHARDINGKEY",
          "__MESSAGE_GROUP",
          "__BORN_HOST",
          "__BORN_TIMESTAMP",
          "BORN_HOST",
          "BORN_TIMESTAMP",
          "DLQ_ORIGIN_TOPIC",
          "DLQ_ORIGIN_MESSAGE_ID",
          "__LITE_TOPIC",
          "__PRIORITY");

  private ReservedNames() {}

  static boolean isReserved(String name) {
    return NAMES.contains(name);
  }
}
