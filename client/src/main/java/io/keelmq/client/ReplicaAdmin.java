package io.keelmq.client;

import io.keelmq.v1.AdminGrpc;
import io.keelmq.v1.GetReplicaStatusRequest;
import io.keelmq.v1.RebuildReplicaRequest;
import io.keelmq.v1.ReplicaStatus;
import java.time.Duration;
import java.util.Optional;

/** What is asked of one replica at its own address, whoever leads. Thread-safe. */
record ReplicaAdmin(ClientCore core, Duration timeout) {

  /** Empty if it gives no answer. */
  Optional<ReplicaStatus> status(String clientAddress) {
    try {
      return Optional.of(
          core.calls()
              .join(
                  core.calls()
                      .callAt(
                          clientAddress,
                          AdminGrpc.getGetReplicaStatusMethod(),
                          GetReplicaStatusRequest.getDefaultInstance(),
                          timeout),
                  timeout));
    } catch (OutcomeUnknown | Unavailable | RequestRejected | Overloaded e) {
      return Optional.empty();
    }
  }

  void rebuild(String clientAddress, String peerId, String source) {
    core.calls()
        .join(
            core.calls()
                .callAt(
                    clientAddress,
                    AdminGrpc.getRebuildReplicaMethod(),
                    RebuildReplicaRequest.newBuilder()
                        .setPeerId(peerId)
                        .setSourceNode(source)
                        .build(),
                    timeout),
            timeout);
  }
}
