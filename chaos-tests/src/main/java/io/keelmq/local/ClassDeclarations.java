package io.keelmq.local;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads what a compiled class declares, as lines of Java: the class itself, its fields and its
 * methods, in the order of the file. Follows chapter 4 of the JVM specification as far as that
 * needs. Owned by one thread; used once.
 */
final class ClassDeclarations {

  private static final int MAGIC = 0xcafebabe;
  private static final int ACC_INTERFACE = 0x0200;
  private static final int ACC_MODULE = 0x8000;

  private final DataInputStream in;
  private String[] texts;
  private int[] classNames;

  private ClassDeclarations(DataInputStream in) {
    this.in = in;
  }

  static List<String> read(byte[] classFile) throws IOException {
    return new ClassDeclarations(new DataInputStream(new ByteArrayInputStream(classFile))).lines();
  }

  private List<String> lines() throws IOException {
    if (in.readInt() != MAGIC) {
      throw new IOException("no class file");
    }
    in.readInt();
    readConstants();
    var lines = new ArrayList<String>();
    int access = in.readUnsignedShort();
    String name = className(in.readUnsignedShort());
    lines.add(classLine(access, name));
    readMembers(lines, false, name);
    readMembers(lines, true, name);
    return List.copyOf(lines);
  }

  private void readConstants() throws IOException {
    int count = in.readUnsignedShort();
    texts = new String[count];
    classNames = new int[count];
    for (int i = 1; i < count; i++) {
      int tag = in.readUnsignedByte();
      switch (tag) {
        case 1 -> texts[i] = in.readUTF();
        case 7 -> classNames[i] = in.readUnsignedShort();
        case 8, 16, 19, 20 -> in.readUnsignedShort();
        case 15 -> in.skipBytes(3);
        case 3, 4, 9, 10, 11, 12, 17, 18 -> in.readInt();
        case 5, 6 -> {
          in.readLong();
          // Wide constants take two places.
          i++;
        }
        default -> throw new IOException("unknown constant " + tag);
      }
    }
  }

  private String classLine(int access, String name) throws IOException {
    int superclass = in.readUnsignedShort();
    var interfaces = new ArrayList<String>();
    int count = in.readUnsignedShort();
    for (int i = 0; i < count; i++) {
      interfaces.add(className(in.readUnsignedShort()));
    }
    if ((access & ACC_MODULE) != 0) {
      return "module";
    }
    boolean isInterface = (access & ACC_INTERFACE) != 0;
    var line = new StringBuilder(modifiers(access, Modifier.classModifiers()));
    line.append(isInterface ? "interface " : "class ").append(name);
    if (!isInterface && superclass != 0) {
      line.append(" extends ").append(className(superclass));
    }
    if (!interfaces.isEmpty()) {
      line.append(isInterface ? " extends " : " implements ");
      line.append(String.join(", ", interfaces));
    }
    return line.toString();
  }

  private void readMembers(List<String> lines, boolean methods, String owner) throws IOException {
    int count = in.readUnsignedShort();
    for (int i = 0; i < count; i++) {
      int access = in.readUnsignedShort();
      String name = texts[in.readUnsignedShort()];
      String descriptor = texts[in.readUnsignedShort()];
      lines.add(
          methods
              ? methodLine(access, name, descriptor, owner)
              : fieldLine(access, name, descriptor));
      int attributes = in.readUnsignedShort();
      for (int k = 0; k < attributes; k++) {
        in.readUnsignedShort();
        in.skipNBytes(in.readInt());
      }
    }
  }

  private static String fieldLine(int access, String name, String descriptor) {
    var at = new int[1];
    return "  "
        + modifiers(access, Modifier.fieldModifiers())
        + type(descriptor, at)
        + " "
        + name
        + ";";
  }

  private static String methodLine(int access, String name, String descriptor, String owner) {
    if (name.equals("<clinit>")) {
      return "  static {}";
    }
    var at = new int[] {1};
    var parameters = new ArrayList<String>();
    while (descriptor.charAt(at[0]) != ')') {
      parameters.add(type(descriptor, at));
    }
    at[0]++;
    String result = name.equals("<init>") ? owner : type(descriptor, at) + " " + name;
    return "  "
        + modifiers(access, Modifier.methodModifiers())
        + result
        + "("
        + String.join(", ", parameters)
        + ");";
  }

  /** The type that begins at {@code at[0]}, which moves behind it. */
  private static String type(String descriptor, int[] at) {
    char kind = descriptor.charAt(at[0]++);
    return switch (kind) {
      case 'B' -> "byte";
      case 'C' -> "char";
      case 'D' -> "double";
      case 'F' -> "float";
      case 'I' -> "int";
      case 'J' -> "long";
      case 'S' -> "short";
      case 'Z' -> "boolean";
      case 'V' -> "void";
      case '[' -> type(descriptor, at) + "[]";
      default -> {
        int end = descriptor.indexOf(';', at[0]);
        String name = descriptor.substring(at[0], end).replace('/', '.');
        at[0] = end + 1;
        yield name;
      }
    };
  }

  private static String modifiers(int access, int allowed) {
    String text = Modifier.toString(access & allowed);
    return text.isEmpty() ? "" : text + " ";
  }

  private String className(int constant) {
    return texts[classNames[constant]].replace('/', '.');
  }
}
