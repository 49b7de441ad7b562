package io.keelmq.broker.app;

import io.keelmq.broker.RowEvidence;
import io.keelmq.common.Metrics;

/** What a broker shows of its rows being compared with those of the others. */
final class RowMetrics {

  private RowMetrics() {}

  static void digests(Metrics metrics, DigestWatch digests) {
    BrokerMetrics.counter(
        metrics,
        "keelmq_digest_looks_total",
        "how often the digests of the other voters were compared with this replica's",
        digests::looks);
    BrokerMetrics.gauge(
        metrics,
        "keelmq_digests_contradicted",
        "1 while another voter has other rows and too few can tell who is right",
        () -> digests.isContradicted() ? 1 : 0);
  }

  static void rowSums(Metrics metrics, RowEvidence rows) {
    BrokerMetrics.counter(
        metrics,
        "keelmq_row_sums_total",
        "how often all rows were read and hashed, to be compared with those of the others",
        rows::sumsTaken);
    BrokerMetrics.gauge(
        metrics, "keelmq_row_sum_millis", "how long it took the last time", rows::lastSumMillis);
  }
}
