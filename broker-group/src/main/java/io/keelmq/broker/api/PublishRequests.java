package io.keelmq.broker.api;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnsafeByteOperations;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.keelmq.v1.PublishRequest;
import java.io.IOException;
import java.io.InputStream;

/**
 * Reads what producers publish with one copy less than gRPC's own reader: the records of a request
 * stay in the array that the request was received into, and go from there into the log.
 */
final class PublishRequests implements MethodDescriptor.Marshaller<PublishRequest> {

  private final MethodDescriptor.Marshaller<PublishRequest> writer;

  /**
   * @param writer does the other direction
   */
  PublishRequests(MethodDescriptor.Marshaller<PublishRequest> writer) {
    this.writer = writer;
  }

  @Override
  public InputStream stream(PublishRequest request) {
    return writer.stream(request);
  }

  @Override
  public PublishRequest parse(InputStream in) {
    try {
      // The size is bounded: the server takes no message beyond its limit.
      byte[] bytes = in instanceof KnownLength ? in.readNBytes(in.available()) : in.readAllBytes();
      var input = UnsafeByteOperations.unsafeWrap(bytes).newCodedInput();
      input.enableAliasing(true);
      PublishRequest request = PublishRequest.parser().parseFrom(input);
      input.checkLastTagWas(0);
      return request;
    } catch (InvalidProtocolBufferException e) {
      throw Status.INVALID_ARGUMENT
          .withDescription("not a PublishRequest: " + e.getMessage())
          .withCause(e)
          .asRuntimeException();
    } catch (IOException e) {
      throw Status.INTERNAL.withCause(e).asRuntimeException();
    }
  }
}
