import type { FormatName } from "../../src/passwords/HashFormat.ts"

/** A hash that another program made, its password, and which program that was. */
export interface Vector {
  readonly format: FormatName
  readonly variant: string
  readonly hash: string
  readonly password: string
  readonly source: string
}

const seaSalt = "AAECAwQFBgcICQoLDA0ODw=="

const keycloakPbkdf2 = (algorithm: string, iterations: number, salt: string, value: string) =>
  JSON.stringify({
    type: "password",
    secretData: JSON.stringify({ value, salt, additionalParameters: {} }),
    credentialData: JSON.stringify({ hashIterations: iterations, algorithm, additionalParameters: {} })
  })

const keycloakArgon2 = (salt: string, value: string) =>
  JSON.stringify({
    type: "password",
    userLabel: "My password",
    createdDate: 1767604673211,
    secretData: JSON.stringify({ value, salt, additionalParameters: {} }),
    credentialData: JSON.stringify({
      hashIterations: 5,
      algorithm: "argon2",
      additionalParameters: {
        hashLength: ["32"],
        memory: ["7168"],
        type: ["id"],
        version: ["1.3"],
        parallelism: ["1"]
      }
    })
  })

const signerKey = "ou9tdYTGyYm8kuR6Dt0Bp0kDuAYoXrK16mbZO4yGwAn3oLspjnN0/c41v8xZnO1n14J3MjKj1b2g6AUCAlFwMw=="

export const vectors: ReadonlyArray<Vector> = [
  ...(
    [
      ["argon2d", "$argon2d$v=19$m=256,t=2,p=2$c29tZXNhbHRzb21lc2FsdA$2IQN63iFVsJJtM4IWg13a88OrF4MEkF5zM/On2Nkr5w"],
      ["argon2i", "$argon2i$v=19$m=256,t=2,p=2$c29tZXNhbHRzb21lc2FsdA$3fKV34gDZ2SMkbxafbo8DU3KEqEPOCFCtGb9j/W0Uy0"],
      ["argon2id", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHRzb21lc2FsdA$JXXOn4e+JiDG8U9LYhOIM4HmaMIUjMoSFuEq28EpMNs"],
      [
        "argon2id, version 16",
        "$argon2id$v=16$m=256,t=2,p=2$c29tZXNhbHRzb21lc2FsdA$N0PTtFxW14X4bw41qda/w0DSPLGxMUbq8J65HO+LiBI"
      ]
    ] as const
  ).map(
    ([variant, hash]): Vector => ({ format: "argon2", variant, hash, password: "lètmein", source: "argon2-cffi 21.1" })
  ),
  {
    format: "argon2",
    variant: "argon2id",
    hash: "$argon2id$v=19$m=1024,t=2,p=2$MXRuTEJWTXpnYXdmb2Jwdg$UUzEONCsvx9q1wvUmOMEZWdGcVbU3hSMfmi6M/bXsIY",
    password: "lètmein",
    source: "PHP 8.2, password_hash with PASSWORD_ARGON2ID, as Laravel calls it"
  },
  {
    format: "argon2",
    variant: "argon2id",
    hash: "$argon2id$v=19$m=32,t=3,p=2$SFVpOWJ0eXhjRzVkdGN1RQ$RXnb8rh7LaDcn07xsssqqulZYXOM/EUCEFMVcAcyYVk",
    password: "test",
    source: "Supabase Auth, internal/crypto/password_test.go"
  },
  {
    format: "django-argon2",
    variant: "argon2id",
    hash: "argon2$argon2id$v=19$m=102400,t=2,p=8$c2Vhc2FsdDE$zpo32QMknpBqwawh8s6axQ",
    password: "lètmein",
    source: "Django 3.2, make_password"
  },
  {
    format: "keycloak-argon2",
    variant: "argon2id",
    hash: keycloakArgon2(seaSalt, "4EiBugwYBjrz+cEnj0OsMm1cS5d5S/ne9zHfiT+g9Mc="),
    password: "lètmein",
    source: "argon2-cffi 21.1, written down as Keycloak 26 exports it"
  },
  ...(
    [
      [
        "2y",
        "$2y$05$1kfp9YBzE1It.zwP8IGqcOqT30RBNejfMEFE2Wfvjr0xmwCEAy.t6",
        "PHP 8.2, password_hash, as Laravel calls it"
      ],
      ["2b", "$2b$05$lLsozpD/Khs71MULpIvD2.4whU0LWST1Gy3Ir1eLwrTrYFR1NIl8q", "Python's bcrypt 3.2"],
      ["2a", "$2a$05$U841GuthLtc0opJjje3w0eKTFRp9Qi3WXc3tCgt8Arm0Af1WhH8Ne", "Ruby's bcrypt 3.1, as Devise calls it"]
    ] as const
  ).map(([variant, hash, source]): Vector => ({ format: "bcrypt", variant, hash, password: "lètmein", source })),
  {
    format: "bcrypt",
    variant: "2y",
    hash: "$2y$10$srNl09aPtc2qr.0Vl.NtjekJRt/NxRxYQm3qd3OvfcKsJgVnr6.Ve",
    password: "test",
    source: "Supabase Auth, internal/crypto/password_test.go"
  },
  {
    format: "django-pbkdf2",
    variant: "sha256",
    hash: "pbkdf2_sha256$260000$seasalt1$oE3HUoSQYRZPNdklnxOYqYk0LOqNjSKfs+5oRtV2ccw=",
    password: "lètmein",
    source: "Django 3.2, make_password"
  },
  {
    format: "django-pbkdf2",
    variant: "sha1",
    hash: "pbkdf2_sha1$260000$seasalt1$SFOst7fXDEKP/3qnFlK0sWKyJxQ=",
    password: "lètmein",
    source: "Django 3.2, make_password"
  },
  {
    format: "phc-pbkdf2",
    variant: "sha256",
    hash: "$pbkdf2-sha256$6400$0ZrzXitFSGltTQnBWOsdAw$Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M",
    password: "password",
    source: "Passlib's documentation of pbkdf2_sha256"
  },
  ...(
    [
      ["sha1", "$pbkdf2$1000$8PHy8/T19vf4.fr7/P3./w$2dR7RQBzM8AucQZS9jFU./.ZRBA"],
      ["sha256", "$pbkdf2-sha256$1000$8PHy8/T19vf4.fr7/P3./w$NLCxhEx13MijqfW7prAglClHI.JU.g8ztpZ9vKGmT6s"],
      ["sha256", "$pbkdf2-sha256$i=1000,l=32$8PHy8/T19vf4+fr7/P3+/w$NLCxhEx13MijqfW7prAglClHI+JU+g8ztpZ9vKGmT6s"],
      ["sha256", "$pbkdf2-sha256$i=1000$8PHy8/T19vf4+fr7/P3+/w$NLCxhEx13MijqfW7prAglClHI+JU+g8ztpZ9vKGmT6s"],
      [
        "sha512",
        "$pbkdf2-sha512$1000$8PHy8/T19vf4.fr7/P3./w$G38.kKPBMjhq6JujX0e7u7RNAFJTRe7Cj3TBITWP4weBT/.cgn35E3NdvJUwKJnWFeLB2iwIl1HxKJw4Dfd2GQ"
      ]
    ] as const
  ).map(
    ([variant, hash]): Vector => ({ format: "phc-pbkdf2", variant, hash, password: "lètmein", source: "Passlib 1.7" })
  ),
  {
    format: "keycloak-pbkdf2",
    variant: "sha256",
    hash: keycloakPbkdf2(
      "pbkdf2-sha256",
      27_500,
      "x/bm4Y3DcuV9eU97ervkPA==",
      "1u7BLvfSPxQFpwc5jpGSA+88EGl9pZYKhaZ8YPIu9N4="
    ),
    password: "admin",
    source: "a request that Keycloak 9 took (dev.to, Import PBKDF2 hashed user passwords into Keycloak)"
  },
  ...(
    [
      ["sha1", "pbkdf2", "4/JGumPxl4VjREwR3GtkoA8C0cM="],
      [
        "sha256",
        "pbkdf2-sha256",
        "MmVyK7Qz+8VhxNfAvQLr59CRxm89xRf9GNhRAPQspUf3VLbpCaWWM2o4eMiQS1dtKUsmQDWClmuDN6MBC42PwQ=="
      ],
      [
        "sha512",
        "pbkdf2-sha512",
        "wRwIVIB7ojZQJanl/eLbPCvCqJxLQm1p3uH8oEIOBEIVO29J1GeSZCKK2J5tkiPC+9j7bexQMagrwZzszXvwRQ=="
      ]
    ] as const
  ).map(
    ([variant, algorithm, value]): Vector => ({
      format: "keycloak-pbkdf2",
      variant,
      hash: keycloakPbkdf2(algorithm, 1000, seaSalt, value),
      password: "lètmein",
      source: "Python's hashlib, written down as Keycloak exports it"
    })
  ),
  {
    format: "phc-scrypt",
    variant: "scrypt",
    hash: "$scrypt$ln=8,r=8,p=1$WKs1xljLudd6z9kbY0wpJQ$yCR4iDZYDKv+iEJj6yHY0lv/epnfB6f/w1EbXrsJOuQ",
    password: "password",
    source: "Passlib's documentation of scrypt"
  },
  {
    format: "django-scrypt",
    variant: "scrypt",
    hash: "scrypt$16384$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==",
    password: "lètmein",
    source: "Django's tests, auth_tests/test_hashers.py"
  },
  {
    format: "better-auth-scrypt",
    variant: "scrypt",
    hash: "00112233445566778899aabbccddeeff:5254ec51bd62d9feecbf9d724a5dbb273e55ab757ce7b5925822d9653c93858c2f8cd4383afe8139b4e969c7ae722b2a18d5dfcfd1d15251c3822a488c99e60a",
    password: "lètmein",
    source: "Python's hashlib, called as better-auth's crypto/password.ts calls scrypt"
  },
  {
    format: "firebase-scrypt",
    variant: "scrypt",
    hash: `$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=${signerKey}$C0sHCg9ek77hsg==$zKVTMvnWVw5BBOZNUdnsalx4c4c7y/w7IS5p6Ut2+CfEFFlz37J9huyQfov4iizN8dbjvEJlM5tQaJP84+hfTw==`,
    password: "mytestpassword",
    source: "Supabase Auth, internal/crypto/password_test.go"
  },
  {
    format: "firebase-scrypt",
    variant: "scrypt",
    hash: "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
    password: "user1password",
    source: "Firebase's scrypt, README.md"
  }
]

/** By Devise 4.8 of Debian: the pepper as `rails generate devise:install` makes one, 128 digits, and its hash of "lètmein". */
export const devise = {
  pepper: "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8".repeat(2),
  hash: "$2a$05$0/8NB8NTEgASCXPSBdXpYuWlUYLEVVhBZpvJ33TnZbD9rU7IJVF2m",
  password: "lètmein"
}

/** Forty `é`, 80 bytes, of which bcrypt takes 72 in: as PHP and Ruby hashed them. */
export const cut = [
  "$2y$05$iJ1Z9SEdcR88HXIKGB9ad.mDj7ek.RkDoxWxF1XBEmJZkT1kLhMHq",
  "$2a$05$vPhgaWlVwRigNhspdkiTx.emFGvZ0FYsc2h2ohxZAjiaOSwxuPFOm"
]

/** What better-auth would have stored for "ﬁne wine", whose first letter is a ligature that NFKC takes apart. */
export const ligature =
  "00112233445566778899aabbccddeeff:68e652e2e2e5c6f57498b53afcfbe1b021585757db5ff277b12a8e5336b2564075adca7e77485b17ce655551c76b1fca29428e48d047db8397b2e2c848192fb5"
