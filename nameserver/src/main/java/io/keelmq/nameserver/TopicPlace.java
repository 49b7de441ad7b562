package io.keelmq.nameserver;

import io.keelmq.common.HostPort;
import io.keelmq.edge.SdkRoutes;
import io.keelmq.v1.TopicRoute;
import java.util.List;

/**
 * A topic in one broker group, as SDKs ask for it. Immutable.
 *
 * @param routes what SDKs are told of the group
 * @param calls replicas to which calls can be passed on, best first
 */
record TopicPlace(TopicRoute topic, SdkRoutes routes, List<HostPort> calls) {}
