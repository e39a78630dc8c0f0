import { Option, Schema } from "effect"
import { readPhc } from "./argon2.ts"
import { fromBase64, withoutPadding } from "./fields.ts"
import { asTyped, type HashFormat } from "./HashFormat.ts"
import { pbkdf2Hash } from "./pbkdf2.ts"

const one = <S extends Schema.Top>(value: S) => Schema.Tuple([value])

/** A credential as an export of a realm and the table `credential` have it: two texts that are JSON themselves. */
const Credential = Schema.fromJsonString(
  Schema.Struct({
    type: Schema.optionalKey(Schema.Literal("password")),
    secretData: Schema.fromJsonString(Schema.Struct({ value: Schema.String, salt: Schema.String })),
    credentialData: Schema.fromJsonString(
      Schema.Struct({
        hashIterations: Schema.Int,
        algorithm: Schema.Literals(["argon2", "pbkdf2", "pbkdf2-sha256", "pbkdf2-sha512"]),
        additionalParameters: Schema.optionalKey(
          Schema.Struct({
            type: Schema.optionalKey(one(Schema.Literals(["id", "i", "d"]))),
            version: Schema.optionalKey(one(Schema.Literals(["1.3", "1.0"]))),
            memory: Schema.optionalKey(one(Schema.String)),
            parallelism: Schema.optionalKey(one(Schema.String))
          })
        )
      })
    )
  })
)

const decode = Schema.decodeUnknownOption(Credential)

const digests = { pbkdf2: "sha1", "pbkdf2-sha256": "sha256", "pbkdf2-sha512": "sha512" } as const

/**
 * `{"secretData":"{\"value\":...,\"salt\":...}","credentialData":"{\"hashIterations\":27500,\"algorithm\":\"pbkdf2-sha256\"}"}`:
 * Keycloak's, of PBKDF2 or, by default since version 25, argon2.
 */
export const keycloak: HashFormat = {
  parse: (text) =>
    Option.gen(function* () {
      if (!text.startsWith("{")) return yield* Option.none()
      const { credentialData, secretData } = yield* decode(text)
      const { additionalParameters = {}, algorithm, hashIterations: iterations } = credentialData
      if (algorithm !== "argon2")
        return yield* pbkdf2Hash("keycloak-pbkdf2", digests[algorithm], {
          iterations,
          salt: fromBase64(secretData.salt, "padded"),
          key: fromBase64(secretData.value, "padded")
        })
      const { memory, parallelism, type, version } = additionalParameters
      const phc = [
        `$argon2${type?.[0]}`,
        `v=${version?.[0] === "1.0" ? 16 : 19}`,
        `m=${memory?.[0]},t=${iterations},p=${parallelism?.[0]}`,
        withoutPadding(secretData.salt),
        withoutPadding(secretData.value)
      ]
      return yield* readPhc(phc.join("$"), "keycloak-argon2", asTyped)
    })
}
