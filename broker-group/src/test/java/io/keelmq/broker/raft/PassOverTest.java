package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alipay.sofa.jraft.Iterator;
import java.lang.reflect.Proxy;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class PassOverTest {

  private final PassOver passOver = new PassOver();

  @Test
  void saysYesToTheLeavingThreadAloneAndOnlyMeanwhile() {
    // A replicator that was told yes would send its follower an empty entry.
    var self = new AtomicBoolean();
    var other = new AtomicBoolean(true);
    Iterator entries =
        iterator(
            () -> {
              self.set(passOver.getAsBoolean());
              other.set(CompletableFuture.supplyAsync(passOver::getAsBoolean).join());
            });

    assertFalse(passOver.getAsBoolean());
    passOver.leave(entries);

    assertTrue(self.get());
    assertFalse(other.get());
    assertFalse(passOver.getAsBoolean());
  }

  private static Iterator iterator(Runnable onNext) {
    return (Iterator)
        Proxy.newProxyInstance(
            PassOverTest.class.getClassLoader(),
            new Class<?>[] {Iterator.class},
            (proxy, method, arguments) -> {
              if (!method.getName().equals("next")) {
                throw new UnsupportedOperationException(method.getName());
              }
              onNext.run();
              return null;
            });
  }
}
