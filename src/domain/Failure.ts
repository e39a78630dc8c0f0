import { Schema } from "effect"

/** The database can't be reached or doesn't answer in time; asking again later may help. */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {}) {}

/** Too many tries from one client, or at one account from there. Another one may succeed after so many seconds. */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", {
  retryAfterSeconds: Schema.Int
}) {}

/** More passwords wait to be hashed than can be hashed soon; asking again later helps (E7). */
export class Busy extends Schema.TaggedError<Busy>()("Busy", {}) {}
