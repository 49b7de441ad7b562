package io.keelmq.client.testing;

import com.google.protobuf.ByteString;
import io.keelmq.common.StatusDetails;
import io.keelmq.v1.Code;
import io.keelmq.v1.EndTransactionRequest;
import io.keelmq.v1.EndTransactionResponse;
import io.keelmq.v1.HeldMessage;
import io.keelmq.v1.ListHeldRequest;
import io.keelmq.v1.ListHeldResponse;
import io.keelmq.v1.Origin;
import io.keelmq.v1.RecallRequest;
import io.keelmq.v1.Run;
import io.keelmq.v1.TransactionCheck;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Delayed and half messages of a {@link FakeLog}. Thread-safe by the log's monitor. */
public final class FakeHeld {

  /** How a half message was decided: a response, or null for a rollback. */
  private record Decision(boolean commit, EndTransactionResponse response) {}

  private final FakeLog log;
  private final Map<String, Run> waiting = new LinkedHashMap<>();
  private final Map<String, Decision> decided = new HashMap<>();
  private final Map<Origin, Boolean> recalls = new HashMap<>();
  private final List<Run> runs = new ArrayList<>();
  private int next = 1;

  FakeHeld(FakeLog log) {
    this.log = log;
  }

  /** Runs that came to wait, in their order. */
  public List<Run> runs() {
    synchronized (log) {
      return List.copyOf(runs);
    }
  }

  public List<String> ids() {
    synchronized (log) {
      return List.copyOf(waiting.keySet());
    }
  }

  String hold(Run run) {
    String id = next++ + "-7";
    waiting.put(id, run);
    runs.add(run);
    return id;
  }

  void recall(RecallRequest request) {
    synchronized (log) {
      if (recalls.containsKey(request.getOrigin())) {
        return;
      }
      Run run = waiting.get(request.getHeldId());
      if (run == null || run.getHalf()) {
        throw StatusDetails.toException(Code.HELD_NOT_FOUND, request.getHeldId());
      }
      waiting.remove(request.getHeldId());
      recalls.put(request.getOrigin(), true);
    }
  }

  EndTransactionResponse end(EndTransactionRequest request) {
    synchronized (log) {
      String id = request.getHeldId();
      Decision before = decided.get(id);
      if (before != null) {
        if (before.commit() != request.getCommit()) {
          throw StatusDetails.toException(Code.PRECONDITION_FAILED, id + " was decided otherwise");
        }
        return before.response();
      }
      Run run = waiting.remove(id);
      if (run == null) {
        throw StatusDetails.toException(Code.HELD_NOT_FOUND, id);
      }
      var response = EndTransactionResponse.newBuilder();
      if (request.getCommit()) {
        response.setQueue(run.getQueue()).setOffset(log.append(run));
      }
      decided.put(id, new Decision(request.getCommit(), response.build()));
      return response.build();
    }
  }

  ListHeldResponse list(ListHeldRequest request) {
    synchronized (log) {
      var response = ListHeldResponse.newBuilder();
      boolean behind = request.getAfterHeldId().isEmpty();
      for (Map.Entry<String, Run> each : waiting.entrySet()) {
        Run run = each.getValue();
        if (behind
            && run.getTopic().equals(request.getTopic())
            && response.getMessagesCount() < request.getMax()) {
          response.addMessages(
              HeldMessage.newBuilder()
                  .setHeldId(each.getKey())
                  .setQueue(run.getQueue())
                  .setCount(run.getCount())
                  .setHalf(run.getHalf())
                  .setDueMillis(run.getDeliverAtMillis())
                  .setStoredMillis(1_000)
                  .setRecords(run.getRecords()));
        }
        behind |= each.getKey().equals(request.getAfterHeldId());
      }
      return response.build();
    }
  }

  TransactionCheck check(String id, int number) {
    synchronized (log) {
      Run run = waiting.get(id);
      return TransactionCheck.newBuilder()
          .setTopic(run.getTopic())
          .setHeldId(id)
          .setRecord(ByteString.copyFrom(run.getRecords().toByteArray()))
          .setCheck(number)
          .build();
    }
  }
}
