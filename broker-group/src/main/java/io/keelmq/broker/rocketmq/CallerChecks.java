package io.keelmq.broker.rocketmq;

import io.keelmq.broker.state.Limits;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.Status;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** What a call has to say of its caller. Stateless. */
final class CallerChecks {

  private CallerChecks() {}

  static Optional<Status> clientId(String clientId) {
    if (clientId.isBlank()) {
      return Optional.of(
          Statuses.of(
              Code.CLIENT_ID_REQUIRED,
              "the metadata has no x-mq-client-id: expected one, the same for all calls of a"
                  + " client"));
    }
    int bytes = clientId.getBytes(StandardCharsets.UTF_8).length;
    return bytes > Limits.MAX_CLIENT_ID
        ? Optional.of(
            Statuses.of(
                Code.BAD_REQUEST,
                "x-mq-client-id has " + bytes + " bytes, at most " + Limits.MAX_CLIENT_ID))
        : Optional.empty();
  }
}
