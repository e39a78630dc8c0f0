import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Done } from "./Done.ts"

export class SystemApi extends HttpApiGroup.make("system")
  .add(
    HttpApiEndpoint.get("health", "/health", { success: Done })
      .annotate(OpenApi.Summary, "Is the process alive")
      .annotate(OpenApi.Description, "200 while the process runs, whatever its database does."),
    HttpApiEndpoint.get("ready", "/ready", { success: Done })
      .annotate(OpenApi.Summary, "Can it serve")
      .annotate(OpenApi.Description, "200 when the database answers and its migrations are applied, else 503.")
  )
  .annotate(OpenApi.Description, "For whoever runs the service.") {}
