package io.keelmq.broker.rocketmq;

import io.keelmq.broker.Proposal;
import io.keelmq.broker.api.Edge;
import io.keelmq.broker.api.HeldCall;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.GroupKind;
import io.keelmq.broker.state.GroupSettings;
import io.keelmq.broker.state.Reply;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.Topic;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Makes consumer groups that are used for the first time, and fixes where they begin at a topic.
 * Thread-safe.
 */
record GroupMaker(Edge edge, RocketmqOptions options) {

  private static final HeldCall.Answer<Boolean> READY = new HeldCall.Answer.Final<>(true);

  /**
   * At the leader; reads, call it where that is allowed.
   *
   * @param done told once, on any thread
   */
  void subscribe(String groupName, Topic topic, Consumer<HeldCall.Answer<Boolean>> done) {
    StateView state = edge.replica().state();
    Optional<StateView.ConsumerGroup> group = state.consumerGroup(groupName);
    if (group.isPresent()
        && group.get().kind() == GroupKind.LEASE
        && state.cursor(group.get().id(), topic.id(), 0).isPresent()) {
      done.accept(READY);
      return;
    }
    var subscribe = new Command.SubscribeGroup(groupName, topic.name());
    if (group.isPresent() || !options.newGroupsFromLatest()) {
      propose(subscribe, done);
      return;
    }
    propose(
        new Command.CreateConsumerGroup(
            groupName,
            new GroupSettings(GroupKind.LEASE, false, GroupSettings.DEFAULT_MAX_ATTEMPTS, true)),
        made -> {
          // Refused: somebody else has made it meanwhile, otherwise. It is what it is.
          if (made instanceof HeldCall.Answer.Final || made instanceof HeldCall.Answer.Refused) {
            propose(subscribe, done);
          } else {
            done.accept(made);
          }
        });
  }

  private void propose(Command command, Consumer<HeldCall.Answer<Boolean>> done) {
    edge.replica()
        .propose(
            new Proposal(
                Optional.empty(),
                command,
                List.of(),
                outcome -> done.accept(HeldCall.answer(outcome, GroupMaker::done))));
  }

  private static HeldCall.Answer<Boolean> done(Reply reply) {
    return READY;
  }
}
