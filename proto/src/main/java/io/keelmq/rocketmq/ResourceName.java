package io.keelmq.rocketmq;

import io.keelmq.rocketmq.v2.Resource;

/** What a topic or consumer group of an SDK is called here. Stateless. */
public final class ResourceName {

  private ResourceName() {}

  /** A namespace stands before the name. */
  public static String of(Resource resource) {
    return resource.getResourceNamespace().isEmpty()
        ? resource.getName()
        : resource.getResourceNamespace() + "%" + resource.getName();
  }
}
