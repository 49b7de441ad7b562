package io.keelmq.broker.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.v1.Code;
import io.keelmq.v1.Message;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class RecordScanTest {

  private static final int MUTATIONS = 60_000;

  /** What the scan lets in, every reader must be able to parse; what it refuses has a reason. */
  @Test
  void letsNothingInThatAParserRefuses() {
    long seed = Long.getLong("seed", 5);
    var random = new SplittableRandom(seed);
    byte[] good =
        ApiCluster.records(
                List.of(
                    Message.newBuilder()
                        .setMessageId("id-ü")
                        .addKeys("k1")
                        .setTag("tag")
                        .putProperties("a", "b")
                        .putProperties("ö", "日本")
                        .setBornTimeMillis(123_456_789_012L)
                        .setMessageGroup("g")
                        .setBody(ByteString.copyFromUtf8("body"))
                        .build()))
            .toByteArray();
    int accepted = 0;
    int refused = 0;
    int strict = 0;
    for (int i = 0; i < MUTATIONS; i++) {
      byte[] bytes = good.clone();
      for (int changes = random.nextInt(1, 4); changes > 0; changes--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
      }
      if (random.nextInt(4) == 0) {
        bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length + 1));
      }
      var refusal = RecordScan.check(ByteString.copyFrom(bytes), 1);
      boolean parses = parses(bytes);
      if (refusal.isEmpty()) {
        accepted++;
        assertTrue(parses, "seed " + seed + ": " + ByteString.copyFrom(bytes));
      } else {
        refused++;
        if (parses && refusal.get().code() == Code.MESSAGE_CORRUPTED && strict < 12)
          System.out.println(refusal.get() + " " + java.util.HexFormat.of().formatHex(bytes));
        strict += refusal.get().code() == Code.MESSAGE_CORRUPTED && parses ? 1 : 0;
      }
    }
    System.out.printf("seed=%d accepted=%d refused=%d%n", seed, accepted, refused);
    assertTrue(accepted > 1_000 && refused > 1_000);
    // Groups and lengths of more than 32 bits are all that a parser takes and the scan does not.
    assertTrue(strict < MUTATIONS / 50, "refused though they parse: " + strict);
  }

  private static boolean parses(byte[] bytes) {
    try {
      var in = new ByteArrayInputStream(bytes);
      return Message.parseDelimitedFrom(in) != null && in.available() == 0;
    } catch (InvalidProtocolBufferException e) {
      return false;
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void refusesTextThatIsNotUtf8() {
    ByteString records =
        ByteString.copyFrom(new byte[] {4, 3 << 3 | 2, 2, (byte) 0xc3, (byte) 0x28});

    assertEquals(Code.MESSAGE_CORRUPTED, RecordScan.check(records, 1).orElseThrow().code());
  }

  @Test
  void letsUnknownFieldsPass() {
    // Field 100 as a number, field 101 of 4 bytes, field 7 of 8 bytes, field 8 as text.
    ByteString records =
        ByteString.copyFrom(
            new byte[] {
              22,
              (byte) 0xa0,
              6,
              1,
              (byte) 0xad,
              6,
              1,
              2,
              3,
              4,
              7 << 3 | 1,
              1,
              2,
              3,
              4,
              5,
              6,
              7,
              8,
              8 << 3 | 2,
              2,
              'h',
              'i'
            });

    assertTrue(RecordScan.check(records, 1).isEmpty());
  }

  /** Prints how fast it is; the machine decides, so nothing is asserted. */
  @Test
  void looksAtAMillionMessages() {
    ByteString records =
        ApiCluster.records(
            Collections.nCopies(
                1_000,
                Message.newBuilder()
                    .addKeys("order-4711")
                    .setTag("paid")
                    .setBornTimeMillis(1_700_000_000_000L)
                    .setBody(ByteString.copyFrom(new byte[1_024]))
                    .build()));
    long best = Long.MAX_VALUE;
    for (int round = 0; round < 10; round++) {
      long start = System.nanoTime();
      for (int i = 0; i < 100; i++) {
        assertTrue(RecordScan.check(records, 1_000).isEmpty());
      }
      best = Math.min(best, System.nanoTime() - start);
    }
    System.out.printf(
        "scan: %.1f GB/s, %.0f ns a message of 1 KiB with a key and a tag%n",
        records.size() * 100.0 / best, best / 100_000.0);
  }
}
