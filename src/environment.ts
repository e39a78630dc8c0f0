import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { ConfigProvider, Effect } from "effect"

/** The environment, and `.env` in the working directory for what it doesn't say. */
export const Environment = ConfigProvider.layer(
  ConfigProvider.fromDotEnv().pipe(
    Effect.map((dotEnv) => ConfigProvider.orElse(ConfigProvider.fromEnv(), dotEnv)),
    Effect.orElseSucceed(() => ConfigProvider.fromEnv()),
    Effect.provide(NodeFileSystem.layer)
  )
)
