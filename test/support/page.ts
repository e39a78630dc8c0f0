import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { Answer, Client } from "./client.ts"

export const form = { "content-type": "application/x-www-form-urlencoded" }

/** A browser without JavaScript at one page: cookies are kept for it, redirects are shown. */
export const browserOf = ({ send }: Pick<Client, "send">, page = "/reset-password") => {
  const jar = new Map<string, string>()
  const keep = (answer: Answer) => {
    for (const line of answer.headers["set-cookie"] ?? []) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (/;\s*(max-age=0|expires=Thu, 01 Jan 1970)/i.test(line)) jar.delete(name)
      else jar.set(name, value)
    }
    return answer
  }
  const headers = (more: Record<string, string>) => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ")
    return { ...(cookie && { cookie }), ...more }
  }
  const postTo = (
    path: string,
    fields: Record<string, string>,
    more: Record<string, string> = { "sec-fetch-site": "same-origin" }
  ) =>
    Effect.map(
      send("POST", path, { headers: headers({ ...form, ...more }), body: new URLSearchParams(fields).toString() }),
      keep
    )
  return {
    jar,
    open: (path: string, method = "GET", more: Record<string, string> = {}) =>
      Effect.map(send(method, path, { headers: headers(more) }), keep),
    postTo,
    post: (fields: Record<string, string>, more?: Record<string, string>) => postTo(page, fields, more)
  }
}

/** The fields of a form with this password. */
export const both = (password: string) => ({ password, passwordConfirmation: password })

/** What stands beside a field. */
export const beside = (field: string, { text }: Answer) =>
  new RegExp(`<p class="error" id="${field}-error">([^<]*)</p>`).exec(text)?.[1]

/**
 * Asserts that an answer is a page of ours, which runs one script of ours and loads nothing else, and is kept and framed by
 * nobody (D6).
 */
export const assertPage = ({ headers, text }: Answer) => {
  assert.match(String(headers["content-type"]), /^text\/html/)
  assert.match(text, /^<!doctype html>\n<html lang="[a-z]{2}" dir="(ltr|rtl)">/)
  const [script, ...scripts] = text.match(/<script[^>]*>[^<]*/g) ?? []
  assert.match(script ?? "", /^<script src="(\.|(\.\.\/?)+)\/pages\.js\?v=[^"]+" defer>$/)
  assert.isEmpty(scripts)
  assert.notMatch(text.replaceAll("data:image/", ""), /<link(?! rel="icon" href="svg)|<img|<iframe|(src|href)="https?:/)
  assert.isBelow(Buffer.byteLength(text), 30_000)
  const policy = String(headers["content-security-policy"])
  assert.match(policy, /default-src 'none'/)
  assert.match(policy, /script-src 'self'/)
  assert.match(policy, /frame-ancestors 'none'/)
  assert.match(policy, /form-action 'self'/)
  assert.match(policy, /base-uri 'none'/)
  assert.notMatch(policy, /unsafe|\*/)
  assert.strictEqual(headers["referrer-policy"], "no-referrer")
  assert.strictEqual(headers["x-frame-options"], "DENY")
  assert.strictEqual(headers["cache-control"], "no-store")
  assert.strictEqual(headers["x-robots-tag"], "noindex")
}
