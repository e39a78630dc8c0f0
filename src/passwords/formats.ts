import { Option } from "effect"
import { argon2, djangoArgon2 } from "./argon2.ts"
import { bcryptFormat } from "./bcrypt.ts"
import type { HashFormat, StoredHash } from "./HashFormat.ts"
import { keycloak } from "./keycloak.ts"
import { djangoPbkdf2Format, phcPbkdf2 } from "./pbkdf2.ts"
import { betterAuthFormat, djangoScrypt, firebaseScrypt, phcScrypt } from "./scrypt.ts"

/** In characters. No hash of a known format is longer; what is isn't even looked at (F4). */
const longestHash = 2048

/** No text is of two. */
const formats: ReadonlyArray<HashFormat> = [
  argon2,
  djangoArgon2,
  bcryptFormat,
  djangoPbkdf2Format,
  phcPbkdf2,
  phcScrypt,
  djangoScrypt,
  betterAuthFormat,
  firebaseScrypt,
  keycloak
]

/** What a stored hash is, where a password can be verified against it: its format is known, and it costs no more than is allowed (F4). */
export const formatOf = (text: string): Option.Option<StoredHash> =>
  text.length > longestHash ? Option.none() : Option.firstSomeOf(formats.map(({ parse }) => parse(text)))
