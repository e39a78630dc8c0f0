import { Option } from "effect"
import { argon2id as argon2idWriter, djangoArgon2id } from "../passwords/argon2.ts"
import { bcrypt as bcryptWriter } from "../passwords/bcrypt.ts"
import { formatOf } from "../passwords/formats.ts"
import type { HashWriter } from "../passwords/HashFormat.ts"
import { djangoPbkdf2 as djangoPbkdf2Writer } from "../passwords/pbkdf2.ts"
import { betterAuthScrypt as betterAuthWriter } from "../passwords/scrypt.ts"

type Cost = HashWriter["cost"]

/** How a host writes hashes of one format. */
export interface Writing {
  /** What its hashes cost where nothing else was set there. */
  readonly cost: Cost
  readonly writer: (cost: Cost) => HashWriter
}

const writing = <C extends Readonly<Record<string, number>>>(cost: C, writer: (cost: C) => HashWriter): Writing => ({
  cost,
  writer: (other) => writer({ ...cost, ...other })
})

/** Django 5.2's rounds. */
export const djangoPbkdf2 = writing({ iterations: 1_000_000 }, djangoPbkdf2Writer)

export const djangoArgon2 = writing({ memoryKib: 102_400, iterations: 2, parallelism: 8 }, djangoArgon2id)

/** Laravel's cost, which is PHP's. */
export const argon2id = writing({ memoryKib: 65_536, iterations: 4, parallelism: 1 }, argon2idWriter)

export const betterAuthScrypt = writing({}, () => betterAuthWriter)

export const bcrypt = ({ cost, prefix }: Parameters<typeof bcryptWriter>[0]): Writing =>
  writing({ cost }, ({ cost }) => bcryptWriter({ cost, prefix }))

/** Hashes for a host: of its format, and as dear as the newest of its own. */
export interface HostHashes {
  readonly writes: HashWriter
  /** Takes in what hashes the host makes these days. */
  readonly learn: (hashes: ReadonlyArray<string>) => void
}

export const hostHashes = ({ cost, writer }: Writing): HostHashes => {
  let current = writer(cost)
  return {
    writes: {
      format: current.format,
      maxBytes: current.maxBytes,
      get cost() {
        return current.cost
      },
      hash: (password, pepper) => current.hash(password, pepper),
      // To make it again is the host's to do: it may well end the session that somebody has there.
      isCurrent: () => true
    },
    learn: (hashes) => {
      const costs = hashes.flatMap((hash) =>
        Option.match(formatOf(hash), {
          onNone: () => [],
          onSome: (stored) => (stored.format === current.format ? [stored.cost] : [])
        })
      )
      if (costs.length === 0) return
      const dearest = Object.keys(cost).map((name) => [name, Math.max(...costs.map((one) => one[name] ?? 0))] as const)
      current = writer(Object.fromEntries(dearest))
    }
  }
}
