package io.keelmq.common;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class JsonTest {

  @Test
  void escapesWhatMustBeAndNothingElse() {
    assertEquals(
        "{\"a\":\"\\\"\\\\\\n\\r\\t\\u0000\\u001f/ü€😀\"}",
        new Json().put("a", "\"\\\n\r\t\u0000\u001f/ü€😀").toString());
  }

  @Test
  void escapesHalvesOfSurrogatePairs() {
    assertEquals(
        "{\"a\":\"x\\ud83d\",\"b\":\"\\ude00x\"}",
        new Json().put("a", "x\ud83d").put("b", "\ude00x").toString());
  }

  @Test
  void writesNumbersThatEveryReaderTakes() {
    assertEquals(
        "{\"a\":1.5,\"b\":null,\"c\":12345678.0,\"d\":0.001,\"e\":-9223372036854775808}",
        new Json()
            .put("a", 1.5)
            .put("b", Double.NaN)
            .put("c", 12_345_678.0)
            .put("d", 0.0011)
            .put("e", Long.MIN_VALUE)
            .toString());
  }

  @Test
  void nestsObjectsAndLists() {
    assertEquals(
        "{\"o\":{},\"l\":[{\"x\":1},{}],\"t\":[\"a\"]}",
        new Json()
            .put("o", new Json())
            .putObjects("l", List.of(new Json().put("x", 1), new Json()))
            .putTexts("t", List.of("a"))
            .toString());
  }
}
