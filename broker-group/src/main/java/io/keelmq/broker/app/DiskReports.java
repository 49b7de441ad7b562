package io.keelmq.broker.app;

import io.grpc.stub.StreamObserver;
import io.keelmq.broker.Leadership;
import io.keelmq.broker.Replica;
import io.keelmq.broker.ReplicaControl;
import io.keelmq.broker.ReplicaControl.DiskTrouble;
import io.keelmq.edge.ReplicaChannels;
import io.keelmq.v1.ReportLowDiskRequest;
import io.keelmq.v1.ReportNotStandingRequest;
import io.keelmq.v1.StorageGrpc;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the leader, while something is the matter with this replica's disk; nearly always it has
 * nothing to say. A word that is lost is said again a second later. Called by one thread.
 */
final class DiskReports implements AutoCloseable {

  static final long INTERVAL_MILLIS = 1_000;

  private static final Logger LOG = LoggerFactory.getLogger(DiskReports.class);

  private final String node;
  private final Replica replica;
  private final ReplicaControl control;
  private final ReplicaChannels channels = new ReplicaChannels(2, "this replica is shutting down");

  DiskReports(String node, Replica replica, ReplicaControl control) {
    this.node = node;
    this.replica = replica;
    this.control = control;
  }

  void report() {
    Leadership now = replica.leadership();
    Set<DiskTrouble> troubles = control.diskTroubles();
    if (troubles.isEmpty() || now.isLeader() || now.leaderAddress().isEmpty()) {
      return;
    }
    try {
      var leader =
          StorageGrpc.newStub(channels.to(now.leaderAddress().get()))
              .withDeadlineAfter(INTERVAL_MILLIS, TimeUnit.MILLISECONDS);
      if (troubles.contains(DiskTrouble.LOW)) {
        leader.reportLowDisk(
            ReportLowDiskRequest.newBuilder().setNode(node).build(), new Unheard<>());
      }
      boolean onProbation = troubles.contains(DiskTrouble.ON_PROBATION);
      if (onProbation || troubles.contains(DiskTrouble.NOT_STANDING)) {
        // Unknown to leaders of earlier versions: they hand over without knowing, as they did.
        leader.reportNotStanding(
            ReportNotStandingRequest.newBuilder().setNode(node).setOnProbation(onProbation).build(),
            new Unheard<>());
      }
    } catch (RuntimeException e) {
      // A timer's task: one that throws is never called again.
      LOG.debug("the leader was not told", e);
    }
  }

  @Override
  public void close() {
    channels.close();
  }

  private static final class Unheard<R> implements StreamObserver<R> {
    @Override
    public void onNext(R answer) {
      // It says nothing.
    }

    @Override
    public void onError(Throwable failure) {
      LOG.debug("the leader did not hear of this disk: {}", failure.toString());
    }

    @Override
    public void onCompleted() {
      // Nothing to do.
    }
  }
}
