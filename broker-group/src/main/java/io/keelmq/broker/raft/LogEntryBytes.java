package io.keelmq.broker.raft;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.WireFormat;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.CommandOrigin;
import io.keelmq.v1.log.LogCommand;
import io.keelmq.v1.log.LogEntryHeader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The layout of a log entry, as told in {@code log_command.proto}: format, header length, header,
 * payload. Stateless.
 */
final class LogEntryBytes {

  static final byte FORMAT = 1;

  /** Format and header length. */
  static final int PREFIX_BYTES = 5;

  private static final int TIME_TAG =
      LogEntryHeader.TIME_MILLIS_FIELD_NUMBER << 3 | WireFormat.WIRETYPE_VARINT;

  /** A tag and the longest varint. */
  private static final int TIME_FIELD_BYTES = 11;

  /** A command as it stands in an entry. */
  record Placed(Optional<CommandOrigin> origin, Command command) {}

  /** What the state machine needs of an entry. */
  record Decoded(long timeMillis, List<Placed> commands) {}

  private LogEntryBytes() {}

  /**
   * Lays out an entry. Each record is copied once, into an array of exactly the entry's size.
   *
   * @param records the records of all commands, in their order; their positions are left alone
   */
  static ByteBuffer encode(long timeMillis, List<LogCommand> commands, List<ByteBuffer> records) {
    var header =
        LogEntryHeader.newBuilder().setTimeMillis(timeMillis).addAllCommands(commands).build();
    int headerBytes = header.getSerializedSize();
    int recordBytes = 0;
    for (ByteBuffer part : records) {
      recordBytes = Math.addExact(recordBytes, part.remaining());
    }
    byte[] bytes = new byte[Math.addExact(Math.addExact(PREFIX_BYTES, headerBytes), recordBytes)];
    var entry = ByteBuffer.wrap(bytes).put(FORMAT).putInt(headerBytes);
    try {
      var out = CodedOutputStream.newInstance(bytes, PREFIX_BYTES, headerBytes);
      header.writeTo(out);
      out.checkNoSpaceLeft();
    } catch (IOException e) {
      throw new UncheckedIOException("a header did not fit its own size", e);
    }
    int at = PREFIX_BYTES + headerBytes;
    for (ByteBuffer part : records) {
      int length = part.remaining();
      part.get(part.position(), bytes, at, length);
      at += length;
    }
    return entry.position(0);
  }

  /**
   * Reads an entry's header and finds its runs. The payload is not touched.
   *
   * @throws UnreadableEntryException if anything in it is not understood
   */
  static Decoded decode(long index, ByteBuffer entry) {
    if (entry.remaining() < PREFIX_BYTES) {
      throw new UnreadableEntryException(
          "entry %d has %d bytes, expected %d or more"
              .formatted(index, entry.remaining(), PREFIX_BYTES));
    }
    byte format = entry.get(entry.position());
    if (format != FORMAT) {
      throw new UnreadableEntryException(
          "entry %d has format %d, this version reads format %d: start the version that wrote it"
              .formatted(index, format, FORMAT));
    }
    int headerBytes = entry.getInt(entry.position() + 1);
    int room = entry.remaining() - PREFIX_BYTES;
    if (headerBytes < 0 || headerBytes > room) {
      throw new UnreadableEntryException(
          "entry %d says that its header has %d bytes, it has room for %d"
              .formatted(index, headerBytes, room));
    }
    LogEntryHeader header = parse(index, entry.slice(entry.position() + PREFIX_BYTES, headerBytes));
    var decoder = new CommandDecoder(index, PREFIX_BYTES + headerBytes);
    var commands = new ArrayList<Placed>(header.getCommandsCount());
    for (LogCommand command : header.getCommandsList()) {
      commands.add(new Placed(decoder.origin(command), decoder.command(command)));
    }
    if (decoder.position() != entry.remaining()) {
      throw new UnreadableEntryException(
          "entry %d has %d bytes, its header accounts for %d"
              .formatted(index, entry.remaining(), decoder.position()));
    }
    return new Decoded(header.getTimeMillis(), commands);
  }

  /** The log time of an entry, without reading more; empty if it cannot be read. */
  static OptionalLong timeMillis(ByteBuffer entry) {
    if (entry.remaining() <= PREFIX_BYTES || entry.get(entry.position()) != FORMAT) {
      return OptionalLong.empty();
    }
    int length = Math.min(entry.remaining() - PREFIX_BYTES, TIME_FIELD_BYTES);
    try {
      var in = CodedInputStream.newInstance(entry.slice(entry.position() + PREFIX_BYTES, length));
      // The field with the lowest number is written first; 0 is left out.
      return in.readTag() == TIME_TAG ? OptionalLong.of(in.readInt64()) : OptionalLong.empty();
    } catch (IOException e) {
      // Whoever applies the entry says what is wrong with it.
      return OptionalLong.empty();
    }
  }

  private static LogEntryHeader parse(long index, ByteBuffer bytes) {
    try {
      LogEntryHeader header = LogEntryHeader.parseFrom(bytes);
      if (header.getTimeMillis() < 0) {
        throw new UnreadableEntryException(
            "entry %d has log time %d, expected 0 or more"
                .formatted(index, header.getTimeMillis()));
      }
      CommandDecoder.refuseUnknownFields(index, header);
      return header;
    } catch (InvalidProtocolBufferException e) {
      throw new UnreadableEntryException("entry %d: header: %s".formatted(index, e), e);
    }
  }
}
