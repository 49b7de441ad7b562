package io.keelmq.rocketmq;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.MethodDescriptorProto;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.EnumDescriptor;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.Descriptors.MethodDescriptor;
import com.google.protobuf.Descriptors.OneofDescriptor;
import com.google.protobuf.Descriptors.ServiceDescriptor;
import io.keelmq.rocketmq.v2.RocketmqAdmin;
import io.keelmq.rocketmq.v2.RocketmqDefinition;
import io.keelmq.rocketmq.v2.RocketmqService;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Our schema of the SDKs' protocol against the descriptors in rocketmq-proto. */
final class RocketmqSchemaTest {

  static Stream<List<FileDescriptor>> files() throws ReflectiveOperationException {
    return Stream.of(
        List.of(RocketmqDefinition.getDescriptor(), theirs("MQDomain")),
        List.of(RocketmqService.getDescriptor(), theirs("MQService")),
        List.of(RocketmqAdmin.getDescriptor(), theirs("MQAdmin")));
  }

  private static FileDescriptor theirs(String outerClass) throws ReflectiveOperationException {
    return (FileDescriptor)
        Class.forName("apache.rocketmq.v2." + outerClass).getMethod("getDescriptor").invoke(null);
  }

  @ParameterizedTest
  @MethodSource("files")
  void saysWhatTheSdksSay(List<FileDescriptor> pair) {
    TreeSet<String> ours = facts(pair.get(0));
    TreeSet<String> theirs = facts(pair.get(1));

    assertTrue(theirs.size() > 3, "found only " + theirs);
    assertEquals(String.join("\n", theirs), String.join("\n", ours));
    assertEquals(pair.get(1).getName(), pair.get(0).getName());
  }

  /** Whoever changes a number, a type, a label or a name is found out. */
  @Test
  void findsADifference() throws Exception {
    FileDescriptor service = RocketmqService.getDescriptor();
    TreeSet<String> facts = facts(service);
    int ack = messageIndex(service, "AckMessageEntry");

    FileDescriptorProto.Builder number = service.toProto().toBuilder();
    number.getMessageTypeBuilder(ack).getFieldBuilder(0).setNumber(17);
    FileDescriptorProto.Builder type = service.toProto().toBuilder();
    type.getMessageTypeBuilder(ack)
        .getFieldBuilder(1)
        .setType(com.google.protobuf.DescriptorProtos.FieldDescriptorProto.Type.TYPE_BYTES);
    FileDescriptorProto.Builder label = service.toProto().toBuilder();
    label
        .getMessageTypeBuilder(ack)
        .getFieldBuilder(0)
        .setLabel(com.google.protobuf.DescriptorProtos.FieldDescriptorProto.Label.LABEL_REPEATED);
    FileDescriptorProto.Builder name = service.toProto().toBuilder();
    name.getMessageTypeBuilder(ack).getFieldBuilder(0).setName("messages_id");
    FileDescriptorProto.Builder streaming = service.toProto().toBuilder();
    MethodDescriptorProto.Builder first = streaming.getServiceBuilder(0).getMethodBuilder(0);
    first.setServerStreaming(!first.getServerStreaming());

    for (FileDescriptorProto.Builder planted : List.of(number, type, label, name, streaming)) {
      FileDescriptor changed =
          FileDescriptor.buildFrom(
              planted.build(), service.getDependencies().toArray(FileDescriptor[]::new));
      assertNotEquals(facts, facts(changed));
    }
    FileDescriptorProto.Builder enumValue =
        RocketmqDefinition.getDescriptor().toProto().toBuilder();
    enumValue.getEnumTypeBuilder(0).getValueBuilder(1).setNumber(99);
    assertNotEquals(
        facts(RocketmqDefinition.getDescriptor()),
        facts(
            FileDescriptor.buildFrom(
                enumValue.build(),
                RocketmqDefinition.getDescriptor()
                    .getDependencies()
                    .toArray(FileDescriptor[]::new))));
  }

  private static int messageIndex(FileDescriptor file, String name) {
    return file.findMessageTypeByName(name).getIndex();
  }

  /** All that matters on the wire, in lines. */
  private static TreeSet<String> facts(FileDescriptor file) {
    var facts = new TreeSet<String>();
    file.getMessageTypes().forEach(message -> facts(message, facts));
    file.getEnumTypes().forEach(enumType -> facts(enumType, facts));
    for (ServiceDescriptor service : file.getServices()) {
      for (MethodDescriptor method : service.getMethods()) {
        facts.add(
            "rpc "
                + method.getFullName()
                + (method.isClientStreaming() ? " stream " : " ")
                + method.getInputType().getFullName()
                + (method.isServerStreaming() ? " stream " : " ")
                + method.getOutputType().getFullName());
      }
    }
    return facts;
  }

  private static void facts(Descriptor message, TreeSet<String> facts) {
    facts.add("message " + message.getFullName());
    for (FieldDescriptor field : message.getFields()) {
      OneofDescriptor oneof = field.getRealContainingOneof();
      facts.add(
          "field "
              + field.getFullName()
              + " = "
              + field.getNumber()
              + " "
              + field.getType()
              + (field.isRepeated() ? " repeated" : "")
              + (field.isMapField() ? " map" : "")
              + (field.isPacked() ? " packed" : "")
              + (field.hasPresence() ? " presence" : "")
              + (oneof == null ? "" : " of " + oneof.getFullName())
              + typeName(field)
              + " json "
              + field.getJsonName());
    }
    message.getNestedTypes().forEach(nested -> facts(nested, facts));
    message.getEnumTypes().forEach(nested -> facts(nested, facts));
  }

  private static String typeName(FieldDescriptor field) {
    return switch (field.getJavaType()) {
      case MESSAGE -> " " + field.getMessageType().getFullName();
      case ENUM -> " " + field.getEnumType().getFullName();
      default -> "";
    };
  }

  private static void facts(EnumDescriptor enumType, TreeSet<String> facts) {
    facts.add("enum " + enumType.getFullName());
    for (EnumValueDescriptor value : enumType.getValues()) {
      facts.add(
          "value " + enumType.getFullName() + "." + value.getName() + " = " + value.getNumber());
    }
  }
}
