import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { deviceOf } from "../../src/domain/Device.ts"

const webKit = "AppleWebKit/537.36 (KHTML, like Gecko)"

describe("the device that a user agent speaks of", () => {
  it.each([
    ["Firefox on Windows", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"],
    ["Firefox on Linux", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"],
    ["Chrome on Windows", `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webKit} Chrome/140.0.0.0 Safari/537.36`],
    ["Chrome on Android", `Mozilla/5.0 (Linux; Android 10; K) ${webKit} Chrome/140.0.0.0 Mobile Safari/537.36`],
    ["Chrome on ChromeOS", `Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ${webKit} Chrome/140.0.0.0 Safari/537.36`],
    ["Edge on Windows", `Mozilla/5.0 (Windows NT 10.0) ${webKit} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0`],
    ["Opera on Windows", `Mozilla/5.0 (Windows NT 10.0) ${webKit} Chrome/140.0.0.0 Safari/537.36 OPR/120.0.0.0`],
    [
      "Samsung Internet on Android",
      `Mozilla/5.0 (Linux; Android 15; SM-S931B) ${webKit} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36`
    ],
    [
      "Safari on a Mac",
      "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15"
    ],
    [
      "Safari on an iPhone",
      "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
    ],
    [
      "Chrome on an iPad",
      "Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1"
    ],
    ["an unknown program on Windows", "my-app (Windows)"],
    ["Firefox", "Firefox/1"],
    ["an unknown device", "curl/8.14.1"],
    ["an unknown device", ""]
  ])("is %s", (device, userAgent) => assert.strictEqual(deviceOf(userAgent), device))

  it("is in words of ours alone, whatever the client says (D7)", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.constantFrom("", "Firefox/1 ", "Windows "), (text, known) =>
        assert.match(deviceOf(`${known}${text}`), /^[A-Za-z ]{3,50}$/)
      )
    )
  })
})
