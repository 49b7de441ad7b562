package io.keelmq.nameserver;

import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.stub.MetadataUtils;
import io.keelmq.common.HostPort;
import io.keelmq.edge.ReplicaChannels;
import io.keelmq.rocketmq.Caller;

/** Connections to replicas, over which calls carry what their caller's did. Thread-safe. */
final class BrokerChannels implements AutoCloseable {

  private static final int MAX_CHANNELS = 64;

  private final ReplicaChannels channels =
      new ReplicaChannels(MAX_CHANNELS, "the name server stops");

  /** Throws IllegalStateException after {@link #close}. */
  Channel to(HostPort address, Caller caller) {
    return ClientInterceptors.intercept(
        channels.to(address.toString()),
        MetadataUtils.newAttachHeadersInterceptor(caller.onward()));
  }

  @Override
  public void close() {
    channels.close();
  }
}
