import { assert, describe, it } from "@effect/vitest"
import { Option, Result } from "effect"
import { contrast, isLegible, lightened, textOn } from "../../src/http/pages/Accent.ts"
import { largestLogo, logoIn, ourAccent } from "../../src/http/pages/Branding.ts"
import { templateIn } from "../../src/http/pages/Template.ts"

const good = `<!doctype html><html lang="{{lang}}" dir="{{dir}}"><head>{{head}}<style>h1{color:red}</style></head>
<body>{{brand}}<main>{{content}}</main>{{footer}}</body></html>`

describe("the template of a team", () => {
  it("has its places once, in any order, and styles of its own", () => {
    const template = Result.getOrThrow(templateIn(good))
    assert.deepStrictEqual(template.styles, ["h1{color:red}"])
    assert.lengthOf(
      template.parts.filter((part) => "place" in part),
      6
    )
  })

  for (const [what, text, complaint] of [
    ["a place is missing", good.replace("{{content}}", ""), "{{content}} has to be in it once"],
    ["a place is there twice", good.replace("{{footer}}", "{{footer}}{{footer}}"), "{{footer}} has to be in it once"],
    ["a place has no meaning", good.replace("{{footer}}", "{{footer}}{{password}}"), "{{password}} is no place"],
    ["a script is in it", good.replace("{{brand}}", "{{brand}}<SCRIPT src=x></script>"), "no script"],
    ["a handler is in it", good.replace("<body>", "<body onload='x()'>"), "no script|on…"],
    ["a form is in it", good.replace("{{brand}}", '{{brand}}<form action="https://evil.example">'), "form"],
    [
      "a picture comes from elsewhere",
      good.replace("{{brand}}", '{{brand}}<img src="https://example.com/x">'),
      "data:"
    ],
    ["a style loads something", good.replace("color:red", "background:url(https://example.com/x)"), "load nothing"],
    ["the language isn't told", good.replace(' lang="{{lang}}"', ' data-x="{{lang}}"'), "<html lang"],
    ["it has no main part", good.replaceAll("main", "div"), "<main>"],
    ["it is too large", good + " ".repeat(13_000), "bytes"]
  ] as const) {
    it(`is refused where ${what}`, () => {
      const read = templateIn(text)
      assert(Result.isFailure(read))
      assert.match(read.failure, new RegExp(complaint.replace(/[{}]/g, "\\$&")))
    })
  }
})

describe("the colour of a team", () => {
  it("is legible where it is taken, with black or white upon it", () => {
    assert.isTrue(isLegible(ourAccent.light, "light"))
    assert.isTrue(isLegible(ourAccent.dark, "dark"))
    assert.isFalse(isLegible("#ffd700", "light"))
    assert.isFalse(isLegible(ourAccent.light, "dark"))
    for (const colour of ["#000000", "#ffffff", "#777777", "#d02020", "#0a6b4f", "#ffd700"] as const) {
      assert.isAtLeast(contrast(textOn(colour), colour), 4.5, colour)
      assert.isTrue(isLegible(lightened(colour), "dark"), colour)
    }
    assert.strictEqual(contrast("#000000", "#ffffff"), 21)
  })
})

describe("the logo of a team", () => {
  it("is what its bytes are, and small", () => {
    const svg = Buffer.from('<?xml version="1.0"?>\n<!-- ours -->\n<svg xmlns="http://www.w3.org/2000/svg"/>')
    assert.match(Option.getOrThrow(logoIn(svg)), /^data:image\/svg\+xml;base64,/)
    const png = Buffer.from("\x89PNG\r\n\x1a\n and so on", "latin1")
    assert.match(Option.getOrThrow(logoIn(png)), /^data:image\/png;base64,/)
    assert.isTrue(Option.isNone(logoIn(Buffer.from("<html><svg></svg></html>"))))
    assert.isTrue(Option.isNone(logoIn(Buffer.concat([png, Buffer.alloc(largestLogo)]))))
  })
})
