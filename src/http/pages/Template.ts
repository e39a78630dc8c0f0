import { Array, Result } from "effect"

/** What a template leaves open, written `{{content}}`. */
export const places = ["lang", "dir", "head", "name", "brand", "content", "footer"] as const
export type Place = (typeof places)[number]

/** A page around its content: markup, and the places in it. */
export interface Template {
  readonly parts: ReadonlyArray<{ readonly markup: string } | { readonly place: Place }>
  /** The `<style>`s in it, which the policy of the pages has to name by their hashes. */
  readonly styles: ReadonlyArray<string>
}

const required = ["lang", "dir", "head", "brand", "content", "footer"] as const satisfies ReadonlyArray<Place>
const isPlace = (name: string): name is Place => places.some((place) => place === name)

/** In bytes: a page stays under 30 kB with it. */
const largest = 12 * 1024

/** What nobody should be able to do by a template, and what the pages' policy wouldn't let it do. */
const refused: ReadonlyArray<readonly [pattern: RegExp, complaint: string]> = [
  [/<\s*(script|iframe|object|embed|base|form|link|meta)\b/i, "it may hold no script, frame, form, base, link or meta"],
  [/<[^>]*\s(on[a-z]+|style|srcset|ping|target)\s*=/i, "it may hold no on…, style, srcset, ping or target attribute"],
  [/\b(src|href|action)\s*=\s*["']?\s*javascript:/i, "it may hold no javascript: address"],
  [/<[^>]*\s(src|poster|data)\s*=\s*(?!["']?data:image\/)/i, "its pictures have to be in it, as data:image/ addresses"],
  [/@import|url\(\s*["']?(?!data:)/i, "its styles may load nothing"]
]

/** A template out of the text of a file, or what is wrong with it. Its markup is trusted otherwise: whoever runs Rekey wrote it. */
export const templateIn = (text: string): Result.Result<Template, string> => {
  if (Buffer.byteLength(text) > largest) return Result.fail(`it may have at most ${largest} bytes`)
  for (const [pattern, complaint] of refused) if (pattern.test(text)) return Result.fail(complaint)
  const pieces = text.split(/\{\{\s*(.*?)\s*\}\}/)
  const names = pieces.filter((_, index) => index % 2 === 1)
  const unknown = names.find((name) => !isPlace(name))
  if (unknown !== undefined) return Result.fail(`{{${unknown}}} is no place`)
  for (const place of required) {
    const times = names.filter((name) => name === place).length
    if (times !== 1) return Result.fail(`{{${place}}} has to be in it once`)
  }
  if (!/<html\s[^>]*lang="\{\{\s*lang\s*\}\}"/.test(text))
    return Result.fail('it has to begin with <html lang="{{lang}}" dir="{{dir}}">')
  if (!/<main\b/.test(text)) return Result.fail("{{content}} has to be in a <main>")
  return Result.succeed({
    parts: pieces.map((piece, index) => (index % 2 === 1 && isPlace(piece) ? { place: piece } : { markup: piece })),
    styles: Array.fromIterable(text.matchAll(/<style>([\s\S]*?)<\/style>/gi)).map(([, style = ""]) => style)
  })
}

/** The template of the house. */
export const ours: Template = Result.getOrThrow(
  templateIn(`<!doctype html>
<html lang="{{lang}}" dir="{{dir}}">
<head>
{{head}}
</head>
<body>
<header>{{brand}}</header>
<main>
{{content}}
</main>
<footer>
{{footer}}
</footer>
</body>
</html>
`)
)
