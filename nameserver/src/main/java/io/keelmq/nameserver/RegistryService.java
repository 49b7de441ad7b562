package io.keelmq.nameserver;

import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.keelmq.common.Metrics;
import io.keelmq.common.StatusDetails;
import io.keelmq.v1.Code;
import io.keelmq.v1.ReplicaReport;
import io.keelmq.v1.ReportReply;
import io.prometheus.metrics.core.metrics.Counter;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes the replicas' reports. One report of a stream is read at a time, the next only when the
 * answer to the last could be sent, so a replica that does not read costs one report. Thread-safe;
 * each stream runs on its event loop.
 */
final class RegistryService {

  /** A stream for each replica there can be, and as many half-open ones. */
  static final int MAX_STREAMS = 2 * GroupRegistry.MAX_GROUPS * Group.MAX_REPLICAS;

  private static final Logger log = LoggerFactory.getLogger(RegistryService.class);

  private final RouteDirectory directory;
  private final RationedLog rationed;
  private final Counter reports;
  private final Counter rejected;
  private final AtomicLong lastStream = new AtomicLong();
  private final AtomicInteger openStreams = new AtomicInteger();

  RegistryService(RouteDirectory directory, LongSupplier clockMillis, Metrics metrics) {
    this.directory = directory;
    this.rationed = new RationedLog(clockMillis);
    this.reports = metrics.counter("keelmq_nameserver_reports_total", "Reports accepted.");
    this.rejected =
        metrics.counter(
            "keelmq_nameserver_rejected_reports_total",
            "Reports that were refused or were older than what is known, by reason.",
            "reason");
    metrics.gauge(
        "keelmq_nameserver_report_streams", "Streams that replicas hold.", openStreams::get);
  }

  StreamObserver<ReplicaReport> open(StreamObserver<ReportReply> out) {
    var replies = (ServerCallStreamObserver<ReportReply>) out;
    if (openStreams.incrementAndGet() > MAX_STREAMS) {
      openStreams.decrementAndGet();
      refuse(
          replies,
          new ReportOutcome.Rejected(
              Code.TOO_MANY_REQUESTS,
              MAX_STREAMS + " report streams are open, the most there can be"));
      return new Refused();
    }
    var stream = new ReportStream(lastStream.incrementAndGet(), replies);
    replies.disableAutoRequest();
    replies.setOnReadyHandler(stream::readNext);
    // Also called when the connection is lost, or the process at its other end.
    replies.setOnCancelHandler(stream::end);
    return stream;
  }

  private void refuse(
      ServerCallStreamObserver<ReportReply> replies, ReportOutcome.Rejected outcome) {
    rejected.labelValues(outcome.code().name()).inc();
    if (rationed.permits(outcome.message())) {
      log.warn("report refused code={} {}", outcome.code(), outcome.message());
    }
    replies.onError(StatusDetails.toException(outcome.code(), outcome.message()));
  }

  /** One replica's reports. Its calls come one after the other, as gRPC promises for a call. */
  private final class ReportStream implements StreamObserver<ReplicaReport> {

    private final long number;
    private final ServerCallStreamObserver<ReportReply> replies;
    private boolean reading;
    private boolean ended;

    ReportStream(long number, ServerCallStreamObserver<ReportReply> replies) {
      this.number = number;
      this.replies = replies;
    }

    @Override
    public void onNext(ReplicaReport report) {
      if (ended) {
        return;
      }
      reading = false;
      ReportOutcome outcome = directory.report(number, report);
      if (outcome instanceof ReportOutcome.Rejected refusal) {
        end();
        refuse(replies, refusal);
        return;
      }
      if (outcome instanceof ReportOutcome.Ignored ignored) {
        rejected.labelValues(ignored.reason()).inc();
        if (rationed.permits(ignored.message())) {
          log.warn("report ignored reason={} {}", ignored.reason(), ignored.message());
        }
      }
      boolean wantTopics = false;
      if (outcome instanceof ReportOutcome.Accepted accepted) {
        reports.inc();
        wantTopics = accepted.wantTopics();
        warnOfOddities(report, accepted);
      }
      replies.onNext(ReportReply.newBuilder().setWantTopics(wantTopics).build());
      readNext();
    }

    @Override
    public void onError(Throwable failure) {
      end();
    }

    @Override
    public void onCompleted() {
      if (!ended) {
        end();
        replies.onCompleted();
      }
    }

    void readNext() {
      if (!ended && !reading && replies.isReady()) {
        reading = true;
        replies.request(1);
      }
    }

    void end() {
      if (ended) {
        return;
      }
      ended = true;
      openStreams.decrementAndGet();
      directory.streamEnded(number);
    }
  }

  private void warnOfOddities(ReplicaReport report, ReportOutcome.Accepted accepted) {
    String group = report.getBrokerGroup();
    if (!accepted.topicsFit()) {
      rejected.labelValues("too_many_topics").inc();
      if (rationed.permits("topics " + group)) {
        log.error(
            "topics refused group={} topics={}: expected at most {} over all groups; routes keep the older ones, delete topics",
            group,
            report.getTopicsCount(),
            GroupRegistry.MAX_TOPICS);
      }
    }
    if (accepted.changed()
        && directory.leadersClaimed(group) > 1
        && rationed.permits("leaders " + group)) {
      log.error(
          "more than one replica says that it leads group={} term={}: check that no node runs twice",
          group,
          report.getTerm());
    }
  }

  /** Swallows what arrives on a stream that was refused when it opened. */
  private static final class Refused implements StreamObserver<ReplicaReport> {
    @Override
    public void onNext(ReplicaReport report) {}

    @Override
    public void onError(Throwable failure) {}

    @Override
    public void onCompleted() {}
  }
}
