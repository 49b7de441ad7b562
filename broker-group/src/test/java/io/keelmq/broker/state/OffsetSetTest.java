package io.keelmq.broker.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.NavigableSet;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class OffsetSetTest {

  private static final int UNIVERSE = 40;

  @Test
  void agreesWithATreeSet() {
    long seed = Long.getLong("seed", 20_261_125L);
    System.out.println("OffsetSetTest seed=" + seed);
    var random = new SplittableRandom(seed);
    for (int round = 0; round < 5_000; round++) {
      NavigableSet<Long> a = any(random);
      Set<Long> b = any(random);
      OffsetSet left = set(a);
      OffsetSet right = set(b);
      int from = random.nextInt(UNIVERSE);
      int to = from + random.nextInt(UNIVERSE);
      int count = random.nextInt(UNIVERSE);

      var plus = new TreeSet<>(a);
      plus.addAll(b);
      var minus = new TreeSet<>(a);
      minus.removeAll(b);
      var and = new TreeSet<>(a);
      and.retainAll(b);

      assertEquals(plus, offsets(left.plus(right)));
      assertEquals(minus, offsets(left.minus(right)));
      assertEquals(and, offsets(left.and(right)));
      assertEquals(a.subSet((long) from, (long) to), offsets(left.between(from, to)));
      assertEquals(a.stream().limit(count).toList(), List.copyOf(offsets(left.lowest(count))));
      assertEquals(a.size(), left.size());
      for (long offset = 0; offset < UNIVERSE; offset++) {
        assertEquals(a.contains(offset), left.contains(offset));
      }
      assertEquals(left, OffsetSet.ofGapsAndCounts(left.gapsAndCounts(), UNIVERSE));
    }
  }

  @Test
  void keepsNeighboursAsOneRange() {
    var set = new OffsetSet.Builder().add(3, 5).add(5, 7).add(9, 10).build();

    assertEquals(2, set.ranges());
    assertEquals("[3-6 9]", set.toString());
    assertEquals(List.of(3L, 4L, 2L, 1L), set.gapsAndCounts());
  }

  @Test
  void refusesNumbersThatAreNoRanges() {
    assertThrows(IllegalArgumentException.class, () -> parse(1L));
    assertThrows(IllegalArgumentException.class, () -> parse(-1L, 1L));
    assertThrows(IllegalArgumentException.class, () -> parse(1L, 0L));
    assertThrows(IllegalArgumentException.class, () -> parse(1L, 1L, 0L, 1L));
    assertThrows(IllegalArgumentException.class, () -> parse(0L, 101L));
    assertThrows(IllegalArgumentException.class, () -> parse(Long.MAX_VALUE, 5L));
    assertThrows(IllegalArgumentException.class, () -> parse(5L, Long.MAX_VALUE, 5L, 9L));
  }

  private static OffsetSet parse(Long... numbers) {
    return OffsetSet.ofGapsAndCounts(List.of(numbers), 100);
  }

  private static NavigableSet<Long> any(SplittableRandom random) {
    var set = new TreeSet<Long>();
    long density = random.nextInt(1, 8);
    for (long offset = 0; offset < UNIVERSE; offset++) {
      if (random.nextInt(8) < density) {
        set.add(offset);
      }
    }
    return set;
  }

  private static OffsetSet set(Set<Long> offsets) {
    return OffsetSet.of(offsets.stream().mapToLong(Long::longValue).toArray());
  }

  private static NavigableSet<Long> offsets(OffsetSet set) {
    var offsets = new TreeSet<Long>();
    set.forEach(offsets::add);
    return offsets;
  }
}
