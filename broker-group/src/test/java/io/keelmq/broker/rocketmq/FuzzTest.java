package io.keelmq.broker.rocketmq;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptors;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.protobuf.ProtoMethodDescriptorSupplier;
import io.grpc.stub.MetadataUtils;
import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.state.TopicType;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.MessagingServiceGrpc;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Each RPC is given random bytes, and messages that can be read and hold absurd values. It always
 * ends with a status, and afterwards all is as well as before.
 *
 * <p>{@code -Dfuzz.millis} says for how long each, {@code -Dseed} repeats a run.
 */
class FuzzTest {

  private static final long MILLIS = Long.getLong("fuzz.millis", 2_000);
  private static final long SEED = Long.getLong("seed", 20_261_126);
  private static final int AT_ONCE = 8;

  private static ApiCluster cluster;

  @BeforeAll
  static void start() throws Exception {
    cluster = new ApiCluster(SEED, 3);
    TestSdk.recordMembers(cluster, 3);
    for (TopicType type : TopicType.values()) {
      cluster.createTopic(type.name(), type, 2);
    }
    System.out.println("seed=" + SEED);
  }

  @AfterAll
  static void stop() {
    cluster.close();
  }

  static Stream<MethodDescriptor<?, ?>> methods() {
    return MessagingServiceGrpc.getServiceDescriptor().getMethods().stream()
        .map(method -> (MethodDescriptor<?, ?>) method);
  }

  @ParameterizedTest
  @MethodSource("methods")
  void endsWithAStatusWhateverComes(MethodDescriptor<?, ?> method) throws Exception {
    Descriptor input =
        ((ProtoMethodDescriptorSupplier) method.getSchemaDescriptor())
            .getMethodDescriptor()
            .getInputType();
    var random = new SplittableRandom(SEED ^ method.getFullMethodName().hashCode());
    var ends = new TreeMap<String, Integer>();
    long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(MILLIS);
    int calls = 0;
    while (System.nanoTime() < until) {
      var answers = new ArrayList<CompletableFuture<String>>();
      for (int i = 0; i < AT_ONCE; i++) {
        byte[] request =
            random.nextInt(3) == 0 ? noise(random) : absurd(input, random, 4).toByteArray();
        if (random.nextInt(4) == 0 && request.length > 0) {
          request[random.nextInt(request.length)] ^= (byte) (1 << random.nextInt(8));
        }
        answers.add(call(method, request, random));
      }
      for (CompletableFuture<String> answer : answers) {
        ends.merge(answer.orTimeout(60, TimeUnit.SECONDS).join(), 1, Integer::sum);
        calls++;
      }
    }

    System.out.println(method.getBareMethodName() + " calls=" + calls + " " + ends);
    for (String end : ends.keySet()) {
      assertTrue(!end.startsWith("UNKNOWN") && !end.startsWith("INTERNAL:"), end);
    }
    isWell();
  }

  /** What a working client asks is answered. */
  private static void isWell() {
    var sdk = new TestSdk(cluster, 2, "well");
    assertEquals(Code.OK, sdk.send("NORMAL", "well-" + System.nanoTime()).getStatus().getCode());
    TestSdk.Received received = sdk.receive(TestSdk.receive("well", "NORMAL"));
    assertEquals(Code.OK, received.code());
    assertEquals(Code.OK, sdk.ack("well", "NORMAL", received.handle()).getStatus().getCode());
  }

  /** The gRPC status, and where that is fine the codes that were answered. */
  private static CompletableFuture<String> call(
      MethodDescriptor<?, ?> method, byte[] request, SplittableRandom random) {
    MethodDescriptor<byte[], byte[]> raw =
        MethodDescriptor.newBuilder(new Bytes(), new Bytes())
            .setType(method.getType())
            .setFullMethodName(method.getFullMethodName())
            .build();
    var headers = new Metadata();
    put(headers, "x-mq-client-id", "fuzz-" + random.nextInt(3));
    put(headers, "x-mq-language", List.of("JAVA", "HTTP", "DOT_NET", "?").get(random.nextInt(4)));
    Channel channel =
        ClientInterceptors.intercept(
            cluster.channel(random.nextInt(2)), MetadataUtils.newAttachHeadersInterceptor(headers));
    var end = new CompletableFuture<String>();
    ClientCall<byte[], byte[]> call =
        channel.newCall(raw, CallOptions.DEFAULT.withDeadlineAfter(6, TimeUnit.SECONDS));
    call.start(
        new ClientCall.Listener<>() {
          @Override
          public void onClose(Status status, Metadata trailers) {
            end.complete(status.getCode() + (status.isOk() ? "" : ":"));
          }
        },
        new Metadata());
    call.request(1_000);
    call.sendMessage(request);
    call.halfClose();
    if (!method.getType().serverSendsOneMessage() && random.nextInt(8) != 0) {
      // A long poll that found nothing to complain about.
      CompletableFuture.delayedExecutor(100, TimeUnit.MILLISECONDS)
          .execute(() -> call.cancel("enough", null));
    }
    return end;
  }

  private static void put(Metadata headers, String name, String value) {
    headers.put(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER), value);
  }

  private static byte[] noise(SplittableRandom random) {
    var bytes = new byte[random.nextInt(200)];
    random.nextBytes(bytes);
    return bytes;
  }

  private static Message absurd(Descriptor type, SplittableRandom random, int depth) {
    var message = com.google.protobuf.DynamicMessage.newBuilder(type);
    for (FieldDescriptor field : type.getFields()) {
      if (random.nextInt(4) == 0) {
        continue;
      }
      if (field.isRepeated()) {
        int count = random.nextInt(10) == 0 ? 40 : random.nextInt(3);
        for (int i = 0; i < count; i++) {
          message.addRepeatedField(field, value(field, random, depth));
        }
      } else {
        message.setField(field, value(field, random, depth));
      }
    }
    return message.build();
  }

  private static Object value(FieldDescriptor field, SplittableRandom random, int depth) {
    return switch (field.getJavaType()) {
      case INT -> pick(random, 0, 1, -1, 32, 1 << 20, Integer.MAX_VALUE, Integer.MIN_VALUE);
      case LONG ->
          pick(random, 0L, 1L, -1L, 5L, 1_000L, 86_400L, Long.MAX_VALUE, Long.MIN_VALUE, 1L << 62);
      case FLOAT -> pick(random, 0f, -1f, Float.NaN, Float.MAX_VALUE);
      case DOUBLE -> pick(random, 0d, -1d, Double.NaN, Double.MAX_VALUE);
      case BOOLEAN -> random.nextBoolean();
      case STRING -> text(random);
      case BYTE_STRING -> ByteString.copyFrom(noise(random));
      case ENUM -> constant(field, random);
      case MESSAGE ->
          depth == 0
              ? com.google.protobuf.DynamicMessage.getDefaultInstance(field.getMessageType())
              : absurd(field.getMessageType(), random, depth - 1);
    };
  }

  private static EnumValueDescriptor constant(FieldDescriptor field, SplittableRandom random) {
    List<EnumValueDescriptor> values = field.getEnumType().getValues();
    return random.nextInt(8) == 0
        ? field.getEnumType().findValueByNumberCreatingIfUnknown(random.nextInt(100_000) + 70_000)
        : values.get(random.nextInt(values.size()));
  }

  private static String text(SplittableRandom random) {
    return pick(
        random,
        "",
        " ",
        "NORMAL",
        "FIFO",
        "DELAY",
        "TRANSACTION",
        "PRIORITY",
        "NORMAL",
        "g",
        "%DLQ%g",
        "*",
        "a || b",
        "a > 1 AND NOT (b IS NULL OR c LIKE",
        "\u0000\u0001\uFFFF",
        "\uD83D\uDE00",
        "x".repeat(20_000),
        "AAAA",
        "UgEBAQABAQAB",
        new ReceiptHandle(
                1,
                1,
                new io.keelmq.broker.api.LeaseKey(
                    Integer.MAX_VALUE,
                    Integer.MAX_VALUE,
                    new io.keelmq.broker.state.LeaseId(Long.MAX_VALUE, Integer.MAX_VALUE)),
                Long.MAX_VALUE - 1,
                Long.MAX_VALUE,
                random.nextBoolean())
            .encode(),
        new ReceiptHandle(
                random.nextInt(8),
                random.nextInt(8),
                new io.keelmq.broker.api.LeaseKey(
                    0, 0, new io.keelmq.broker.state.LeaseId(random.nextInt(1_000), 0)),
                random.nextInt(50),
                random.nextInt(2_000_000),
                random.nextBoolean())
            .encode(),
        new HeldHandle(new io.keelmq.broker.state.HeldId(random.nextInt(1_000), 11), "m")
            .transactionId(),
        new HeldHandle(new io.keelmq.broker.state.HeldId(Long.MAX_VALUE, Integer.MAX_VALUE), "m")
            .recallHandle());
  }

  @SafeVarargs
  private static <T> T pick(SplittableRandom random, T... values) {
    return values[random.nextInt(values.length)];
  }

  /** Bytes as they are. */
  private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
    @Override
    public InputStream stream(byte[] value) {
      return new ByteArrayInputStream(value);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        return stream.readAllBytes();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
