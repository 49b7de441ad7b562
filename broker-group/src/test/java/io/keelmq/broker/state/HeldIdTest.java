package io.keelmq.broker.state;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class HeldIdTest {

  @Test
  void readsOnlyTheNamesItGives() {
    assertEquals(Optional.of(new HeldId(12, 0)), HeldId.parse("12-0"));
    assertEquals(
        Optional.of(new HeldId(Long.MAX_VALUE, Integer.MAX_VALUE)),
        HeldId.parse(new HeldId(Long.MAX_VALUE, Integer.MAX_VALUE).toString()));
    for (String wrong :
        List.of(
            "",
            "-",
            "1",
            "1-",
            "-1",
            "01-0",
            "1-00",
            "+1-1",
            "1-+1",
            "1--1",
            "a-1",
            "1-1 ",
            "9223372036854775808-1",
            "1-2147483648")) {
      assertEquals(Optional.empty(), HeldId.parse(wrong), wrong);
    }
  }
}
