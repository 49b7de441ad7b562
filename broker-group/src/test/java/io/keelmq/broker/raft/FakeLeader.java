package io.keelmq.broker.raft;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.awaitility.Awaitility.await;

import com.alipay.sofa.jraft.JRaftUtils;
import com.alipay.sofa.jraft.entity.EnumOutter.EntryType;
import com.alipay.sofa.jraft.entity.RaftOutter.EntryMeta;
import com.alipay.sofa.jraft.option.RpcOptions;
import com.alipay.sofa.jraft.rpc.RpcClient;
import com.alipay.sofa.jraft.rpc.RpcRequests.AppendEntriesRequest;
import com.alipay.sofa.jraft.rpc.RpcRequests.AppendEntriesResponse;
import com.alipay.sofa.jraft.rpc.RpcRequests.ErrorResponse;
import com.alipay.sofa.jraft.util.Endpoint;
import com.alipay.sofa.jraft.util.RpcFactoryHelper;
import com.google.protobuf.ByteString;
import io.keelmq.broker.ReplicaControl.Member;
import java.util.concurrent.CompletableFuture;

/**
 * Speaks to a follower as a leader does that others have elected, in a term that it has not heard
 * of. For one thread.
 */
final class FakeLeader implements AutoCloseable {

  private static final int RPC_MILLIS = 30_000;

  private final RpcClient client = RpcFactoryHelper.rpcFactory().createRpcClient();
  private final String group;
  private final String self;
  private final String follower;
  private final long term;
  private final Endpoint endpoint;

  FakeLeader(String group, Member self, RaftReplica follower, long term) {
    this.group = group;
    this.self = self.raftAddress() + ":" + self.incarnation();
    this.follower = follower.status().peerId();
    this.term = term;
    this.endpoint = JRaftUtils.getPeerId(this.follower).getEndpoint();
    if (!client.init(new RpcOptions())) {
      throw new IllegalStateException("no client");
    }
    await().atMost(60, SECONDS).until(() -> client.checkConnection(endpoint, true));
  }

  /** Entries of one byte each, which is the last digit of their index. Without terms a probe. */
  static AppendEntriesRequest.Builder entries(long previous, long previousTerm, long... terms) {
    var request =
        AppendEntriesRequest.newBuilder().setPrevLogIndex(previous).setPrevLogTerm(previousTerm);
    var data = new StringBuilder();
    for (int i = 0; i < terms.length; i++) {
      request.addEntries(
          EntryMeta.newBuilder()
              .setTerm(terms[i])
              .setType(EntryType.ENTRY_TYPE_DATA)
              .setDataLen(1));
      data.append((previous + 1 + i) % 10);
    }
    return request.setData(ByteString.copyFromUtf8(data.toString()));
  }

  private AppendEntriesRequest request(long previous, long previousTerm, long... terms) {
    return entries(previous, previousTerm, terms)
        .setGroupId(group)
        .setServerId(self)
        .setPeerId(follower)
        .setTerm(term)
        .setCommittedIndex(0)
        .build();
  }

  AppendEntriesResponse send(long previous, long previousTerm, long... terms) throws Exception {
    return (AppendEntriesResponse) answer(RPC_MILLIS, previous, previousTerm, terms);
  }

  /** A probe that agrees with everybody. */
  AppendEntriesResponse probeWithin(int millis) throws Exception {
    return (AppendEntriesResponse) answer(millis, 0, 0);
  }

  int refusal(long previous, long previousTerm, long... terms) throws Exception {
    return ((ErrorResponse) answer(RPC_MILLIS, previous, previousTerm, terms)).getErrorCode();
  }

  private Object answer(int millis, long previous, long previousTerm, long... terms)
      throws Exception {
    return client.invokeSync(endpoint, request(previous, previousTerm, terms), millis);
  }

  /** Sends entries; whatever comes of it is in the future. */
  CompletableFuture<Object> sendLater(long previous, long previousTerm, long... terms)
      throws Exception {
    var answer = new CompletableFuture<Object>();
    client.invokeAsync(
        endpoint,
        request(previous, previousTerm, terms),
        (response, failure) -> answer.complete(failure == null ? response : failure),
        RPC_MILLIS);
    return answer;
  }

  /** Sends so many probes and waits for no answer. */
  void burst(int probes) throws Exception {
    AppendEntriesRequest probe = request(0, 0);
    for (int i = 0; i < probes; i++) {
      client.invokeAsync(endpoint, probe, (answer, failure) -> {}, RPC_MILLIS);
    }
  }

  /** Ends its connection, as the end of its process does. */
  @Override
  public void close() {
    client.shutdown();
  }
}
