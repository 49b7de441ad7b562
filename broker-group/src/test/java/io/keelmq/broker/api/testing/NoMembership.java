package io.keelmq.broker.api.testing;

import io.keelmq.broker.Membership;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.ReplicaControl.Refused;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.CommandOrigin;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** A group that nobody joins and nobody leaves. */
final class NoMembership implements Membership {

  private static final String WHY = "this group's members are fixed";

  @Override
  public CompletableFuture<ProposalOutcome> arrive(Arrival arrival) {
    return CompletableFuture.failedFuture(refused());
  }

  @Override
  public Place place(Arrival arrival) throws Refused {
    throw refused();
  }

  @Override
  public CompletableFuture<ProposalOutcome> change(
      CommandOrigin origin, Command.Membership change, boolean force) {
    return CompletableFuture.failedFuture(refused());
  }

  @Override
  public CompletableFuture<List<Standing>> standings() {
    return CompletableFuture.completedFuture(List.of());
  }

  @Override
  public Optional<Arrival> arrival() {
    return Optional.empty();
  }

  @Override
  public void take(Place place) throws Refused {
    throw refused();
  }

  @Override
  public void notTaken(String why) {
    throw new IllegalStateException("it asked for nothing");
  }

  private static Refused refused() {
    return new Refused(Refused.Reason.PRECONDITION, WHY);
  }
}
